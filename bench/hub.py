"""KerasHub's architectures in small, with random weights, nothing downloaded.

A row makes a model of hidden size ``d``, a multiple of 64; inputs keep their dynamic sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

WORDS = 500  # of vocabulary


def build(name: str, d: int = 64, *, seed: int = 0) -> Any:
    """The model ``name`` of ``MODELS``; weights are drawn, those that Keras starts at zero or one too.

    No two are alike: KerasHub draws some twice from one seed, and a converter that stores equal weights once would take
    a network for a smaller one than training leaves.
    """
    import keras

    keras.utils.set_random_seed(seed)
    model = MODELS[name](d)
    rng = np.random.default_rng(seed)
    seen: set[tuple[tuple[int, ...], bytes]] = set()
    for variable in model.weights:
        stem = variable.path.rpartition("/")[2]
        if stem in _DRAWN and "int" not in variable.dtype:
            low, high = _DRAWN[stem]
            variable.assign(rng.uniform(low, high, variable.shape))
            continue
        values = np.asarray(variable)
        if values.dtype.kind == "f" and (values.shape, values.tobytes()) in seen:
            variable.assign(rng.permutation(values.ravel()).reshape(values.shape))
        seen.add((values.shape, values.tobytes()))
    return model


# Keras starts them all alike, so that a mistake with them would not show.
_DRAWN = {
    "bias": (-0.3, 0.3), "beta": (-0.3, 0.3), "moving_mean": (-0.3, 0.3),
    "gamma": (0.6, 1.4), "moving_variance": (0.6, 1.4),
}  # fmt: skip


def feeds(
    model: Any, batch: int, length: int, side: int, seed: int = 0, odd: Mapping[str, Any] | None = None
) -> dict[str, np.ndarray]:
    """Random inputs by name: ``length`` is for every dynamic size of texts, ``side`` for pictures.

    Args:
        odd: values in place of the drawn ones, without their batch.
    """
    rng = np.random.default_rng(seed)
    drawn = {}
    for value in model.inputs:
        name, picture = value.name, len(value.shape) >= 4
        shape = tuple(
            (batch if axis == 0 else side if picture else length) if size is None else size
            for axis, size in enumerate(value.shape)
        )
        if odd and name in odd:
            drawn[name] = np.broadcast_to(np.asarray(odd[name], value.dtype), (batch, *np.shape(odd[name]))).copy()
        elif "mask" in name and len(shape) == 2:  # padded on the right, each row in its own way
            kept = np.maximum(1, shape[1] - np.arange(batch) % 4)
            drawn[name] = (np.arange(shape[1]) < kept[:, None]).astype(value.dtype)
        elif "int" in value.dtype:
            drawn[name] = rng.integers(1, 2 if "segment" in name else WORDS, shape).astype(value.dtype)
        else:
            drawn[name] = rng.standard_normal(shape).astype(value.dtype)
    return drawn


def _text(name: str, **options: Any) -> Callable[[int], Any]:
    """An encoder or decoder of texts; ``{"a": n}`` of options in units of d is written as a lambda."""

    def make(d: int) -> Any:
        import keras_hub

        sizes = {"vocabulary_size": WORDS, "num_layers": 2, "num_heads": 4, "hidden_dim": d, "intermediate_dim": 2 * d}
        given = {key: value(d) if callable(value) else value for key, value in options.items()}
        merged = {key: value for key, value in {**sizes, **given}.items() if value is not None}
        return getattr(keras_hub.models, f"{name}Backbone")(**merged)

    return make


def _grouped(name: str, **options: Any) -> Callable[[int], Any]:
    """A decoder with grouped queries."""
    return _text(name, **{"num_heads": None, "num_query_heads": 4, "num_key_value_heads": 2, **options})


def _head_dim(d: int) -> int:
    return d // 4


def _pictures(name: str, **options: Any) -> Callable[[int], Any]:
    def make(d: int) -> Any:
        import keras_hub

        given = {key: value(d) if callable(value) else value for key, value in options.items()}
        return getattr(keras_hub.models, name)(**given)

    return make


def _resnet(d: int, side: int | None = None) -> Any:
    return _pictures(
        "ResNetBackbone", input_conv_filters=[d // 2], input_conv_kernel_sizes=[7], image_shape=(side, side, 3),
        block_type="bottleneck_block", stackwise_num_filters=[64, 64, 96, d], stackwise_num_blocks=[1, 1, 1, 1],
        stackwise_num_strides=[1, 2, 2, 2],
    )(d)  # fmt: skip


def _mit(d: int) -> Any:
    return _pictures(
        "MiTBackbone", image_shape=(96, 96, 3), num_layers=4, hidden_dims=[d // 4, d // 2, d, 2 * d],
        layerwise_depths=[1, 1, 2, 1], layerwise_num_heads=[1, 2, 4, 4], layerwise_sr_ratios=[8, 4, 2, 1],
        layerwise_patch_sizes=[7, 3, 3, 3], layerwise_strides=[4, 2, 2, 2], max_drop_path_rate=0.1,
    )(d)  # fmt: skip


def _sam(d: int) -> Any:
    import keras_hub

    side = 64
    return keras_hub.models.SAMBackbone(
        image_encoder=keras_hub.models.ViTDetBackbone(
            hidden_size=d, num_layers=2, intermediate_dim=2 * d, num_heads=4, global_attention_layer_indices=[1],
            patch_size=16, num_output_channels=d // 2, window_size=2, image_shape=(side, side, 3),
        ),
        prompt_encoder=keras_hub.layers.SAMPromptEncoder(
            hidden_size=d // 2, image_embedding_size=(4, 4), input_image_size=(side, side), mask_in_channels=16
        ),
        mask_decoder=keras_hub.layers.SAMMaskDecoder(
            num_layers=2, hidden_size=d // 2, intermediate_dim=d, num_heads=4, embedding_dim=d // 2,
            num_multimask_outputs=3, iou_head_depth=3, iou_head_hidden_dim=d // 2,
        ),
    )  # fmt: skip


def _two_towers(kind: str, **options: Any) -> Callable[[int], Any]:
    def make(d: int) -> Any:
        import keras_hub
        from keras_hub.src.models.clip import clip_text_encoder, clip_vision_encoder
        from keras_hub.src.models.siglip import siglip_text_encoder, siglip_vision_encoder

        picture, text = {
            "CLIP": (clip_vision_encoder.CLIPVisionEncoder, clip_text_encoder.CLIPTextEncoder),
            "SigLIP": (siglip_vision_encoder.SigLIPVisionEncoder, siglip_text_encoder.SigLIPTextEncoder),
        }[kind]
        sizes = {"hidden_dim": d, "num_layers": 2, "num_heads": 4, "intermediate_dim": 2 * d}
        towers = {
            "vision_encoder": picture(patch_size=16, image_shape=(64, 64, 3), **sizes),
            "text_encoder": text(vocabulary_size=WORDS, embedding_dim=d, max_sequence_length=17, **sizes),
        }
        return getattr(keras_hub.models, f"{kind}Backbone")(
            **towers, **{key: value(d) for key, value in options.items()}
        )

    return make


def _diffusion(d: int, part: str) -> Any:
    """A part of Stable Diffusion 3: its loop over time steps is Python and has no graph of its own."""
    import keras_hub
    from keras_hub.src.models.clip.clip_text_encoder import CLIPTextEncoder
    from keras_hub.src.models.vae.vae_backbone import VAEBackbone

    vae = VAEBackbone([32] * 4, [1] * 4, [32] * 4, [1] * 4, sampler_method="mode", name="vae")
    model = keras_hub.models.StableDiffusion3Backbone(
        mmdit_patch_size=2, mmdit_hidden_dim=d, mmdit_num_layers=2, mmdit_num_heads=4, mmdit_position_size=192,
        mmdit_qk_norm="rms_norm", mmdit_dual_attention_indices=(0,), vae=vae,
        clip_l=CLIPTextEncoder(WORDS, 32, 32, 2, 2, 64, "quick_gelu", -2, name="clip_l"),
        clip_g=CLIPTextEncoder(WORDS, 64, 64, 2, 2, 128, "gelu", -2, name="clip_g"),
        image_shape=(64, 64, 3),
    )  # fmt: skip
    return getattr(model, part)


def _flux(d: int) -> Any:
    return _pictures(
        "FluxBackbone", input_channels=16, hidden_size=d, mlp_ratio=2.0, num_heads=4, depth=1, depth_single_blocks=2,
        axes_dim=[d // 16, d * 3 // 32, d * 3 // 32], theta=10_000, use_bias=True, guidance_embed=True,
        image_shape=(16, 16), text_shape=(8, 16), image_ids_shape=(16, 3), text_ids_shape=(8, 3), y_shape=(16,),
    )(d)  # fmt: skip


_COUNTED = {"num_heads": None, "num_attention_heads": 4}
_EXPERTS = {"num_experts": 4, "top_k": 2}
_VIT = {"image_shape": (64, 64, 3), "patch_size": 16, "num_layers": 2, "num_heads": 4, "hidden_dim": lambda d: d}

MODELS: dict[str, Callable[[int], Any]] = {
    "ALBERT": _text("Albert", embedding_dim=lambda d: d // 2),
    "BART": _text("Bart"),
    "BERT": _text("Bert"),
    "Bloom": _text("Bloom"),
    "DeBERTaV3": _text("DebertaV3", bucket_size=16, max_sequence_length=64),
    "DistilBERT": _text("DistilBert"),
    "ELECTRA": _text("Electra", vocabulary_size=None, vocab_size=WORDS, embedding_dim=lambda d: d // 2),
    "ESM2": _text("ESM2"),
    "FNet": _text("FNet", num_heads=None),
    "Falcon": _text("Falcon", **_COUNTED),
    "GPT2": _text("GPT2"),
    "GPTNeoX": _text("GPTNeoX"),
    "Gemma": _grouped("Gemma", head_dim=_head_dim),
    "Gemma2": _grouped(
        "Gemma", head_dim=_head_dim, use_post_ffw_norm=True, use_post_attention_norm=True,
        attention_logit_soft_cap=50.0, final_logit_soft_cap=30.0, use_sliding_window_attention=True,
        sliding_window_size=4,
    ),
    "Gemma3": _grouped(
        "Gemma3", image_size=16, head_dim=_head_dim, use_sliding_window_attention=True, sliding_window_size=4,
        use_post_ffw_norm=True, use_post_attention_norm=True,
    ),
    "GptOss": _grouped("GptOss", **_EXPERTS, sliding_window=4, head_dim=_head_dim),
    "Llama": _grouped("Llama"),
    "Llama3": _grouped(
        "Llama3", rope_frequency_adjustment_factor=8.0, rope_low_freq_factor=1.0, rope_high_freq_factor=4.0,
        rope_pretraining_sequence_length=64,
    ),
    "Mistral": _grouped("Mistral", sliding_window=4),
    "Mixtral": _grouped("Mixtral", **_EXPERTS),
    "OPT": _text("OPT", max_sequence_length=64),
    "Phi3": _grouped("Phi3"),
    "Qwen": _grouped("Qwen"),
    "Qwen3": _grouped("Qwen3", head_dim=_head_dim),
    "Qwen3Moe": _grouped("Qwen3Moe", **_EXPERTS, moe_intermediate_dim=lambda d: d),
    "QwenMoe": _grouped(
        "QwenMoe", **_EXPERTS, moe_intermediate_dim=lambda d: d, shared_expert_intermediate_dim=lambda d: d
    ),
    "RWKV7": _text("RWKV7", num_heads=None, hidden_dim=None, hidden_size=lambda d: d, head_size=16),
    "RoBERTa": _text("Roberta"),
    "RoFormerV2": _text("RoformerV2", head_size=_head_dim),
    "SmolLM3": _text(
        "SmolLM3", num_heads=None, num_attention_heads=4, num_key_value_heads=2, attention_bias=False,
        attention_dropout=0.0, rope_layer_enabled_list=[True, False], layer_types=["full_attention"] * 2,
        mlp_bias=False, layer_norm_epsilon=1e-5, max_position_embeddings=64, rope_theta=10000.0,
        partial_rotary_factor=1.0,
    ),
    "T5": _text("T5"),
    "T5gelu": _text("T5", activation="gelu", use_gated_activation=False),
    "T5Gemma": _pictures(
        "T5GemmaBackbone", vocabulary_size=WORDS, query_pre_attn_scalar=16.0, sliding_window=4,
        attn_logit_softcapping=50.0, cross_attention_hidden_size=lambda d: d,
        **{
            f"{side}_{key}": value
            for side in ("encoder", "decoder")
            for key, value in {
                "hidden_dim": lambda d: d, "intermediate_dim": lambda d: 2 * d, "num_layers": 2,
                "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": _head_dim,
                "layer_types": ["sliding_attention", "full_attention"],
            }.items()
        },
    ),
    "Whisper": _text("Whisper", num_mels=20, max_encoder_sequence_length=40, max_decoder_sequence_length=24),
    "Moonshine": _text(
        "Moonshine", num_heads=None, num_layers=None, filter_dim=lambda d: d, encoder_num_layers=1,
        decoder_num_layers=1, encoder_num_heads=4, decoder_num_heads=4,
    ),
    "XLMRoBERTa": _text("XLMRoberta"),
    "XLNet": _text("XLNet"),
    "CLIP": _two_towers("CLIP", projection_dim=lambda d: d),
    "SigLIP": _two_towers("SigLIP"),
    "PaliGemma": _grouped(
        "PaliGemma", image_size=32, head_dim=_head_dim, vit_patch_size=16, vit_num_heads=4, vit_hidden_dim=lambda d: d,
        vit_num_layers=1, vit_intermediate_dim=lambda d: d,
    ),
    "StableDiffusion3": lambda d: _diffusion(d, "diffuser"),
    "StableDiffusion3 VAE": lambda d: _diffusion(d, "vae"),
    "Flux": _flux,
    "ViT": _pictures("ViTBackbone", mlp_dim=lambda d: 2 * d, **_VIT),
    "DeiT": _pictures("DeiTBackbone", intermediate_dim=lambda d: 2 * d, **_VIT),
    "DINOv2": _pictures(
        "DINOV2Backbone", intermediate_dim=lambda d: 2 * d, position_embedding_shape=(96, 96, 3), **_VIT
    ),
    "DINOv3": _pictures("DINOV3Backbone", intermediate_dim=lambda d: 2 * d, **_VIT),
    "Swin": _pictures(
        "SwinTransformerBackbone", image_shape=(64, 64, 3), embed_dim=lambda d: d // 2, depths=(2, 2), num_heads=(2, 4),
        window_size=4,
    ),
    "SAM": _sam,
    "ViTDet": _pictures(
        "ViTDetBackbone", hidden_size=lambda d: d, num_layers=2, intermediate_dim=lambda d: 2 * d, num_heads=4,
        global_attention_layer_indices=[1], window_size=2, image_shape=(96, 96, 3), num_output_channels=lambda d: d,
    ),
    "MiT": _mit,
    "SegFormer": _pictures("SegFormerBackbone", image_encoder=_mit, projection_filters=lambda d: d),
    "DeepLabV3": _pictures(
        "DeepLabV3Backbone", image_encoder=lambda d: _resnet(d, 64), low_level_feature_key="P2",
        spatial_pyramid_pooling_key="P5", upsampling_size=8, dilation_rates=[2, 3, 4],
        projection_filters=lambda d: d // 2, image_shape=(64, 64, 3),
    ),
    "RetinaNet": _pictures("RetinaNetBackbone", image_encoder=_resnet, min_level=3, max_level=6, use_p5=False),
    "ResNet": _resnet,
    "ResNetVd": _pictures(
        "ResNetBackbone", input_conv_filters=[16, 16, 32], input_conv_kernel_sizes=[3, 3, 3],
        stackwise_num_filters=[64, 96], stackwise_num_blocks=[2, 2], stackwise_num_strides=[1, 2],
        block_type="bottleneck_block_vd",
    ),
    "DenseNet": _pictures("DenseNetBackbone", stackwise_num_repeats=[2, 3, 2], growth_rate=lambda d: d // 4),
    "VGG": _pictures("VGGBackbone", stackwise_num_repeats=[2, 2, 2], stackwise_num_filters=[16, 32, 64]),
    "Xception": _pictures(
        "XceptionBackbone", stackwise_conv_filters=[[16, 32], [64, 64], [64, 96]],
        stackwise_pooling=[False, True, False],
    ),
    "CSPDarkNet": _pictures(
        "CSPNetBackbone", stem_filters=16, stem_kernel_size=3, stem_strides=1, stackwise_strides=2,
        stackwise_depth=[1, 2, 2], stackwise_num_filters=[16, 24, 48], down_growth=True, bottle_ratio=(0.5, 1.0),
        block_ratio=(1.0, 0.5), expand_ratio=(2.0, 1.0), block_type="dark_block", stage_type="csp",
        stem_padding="same",
    ),
    "EfficientNetV1": _pictures(
        "EfficientNetBackbone", stackwise_kernel_sizes=[3, 5], stackwise_num_repeats=[1, 2],
        stackwise_input_filters=[16, 16], stackwise_output_filters=[16, 24], stackwise_expansion_ratios=[1, 6],
        stackwise_squeeze_and_excite_ratios=[0.25, 0.25], stackwise_strides=[1, 2], stackwise_block_types=["v1"] * 2,
        stackwise_width_coefficients=[1.0] * 2, stackwise_depth_coefficients=[1.0] * 2,
    ),
    "EfficientNetV2": _pictures(
        "EfficientNetBackbone", stackwise_kernel_sizes=[3, 3], stackwise_num_repeats=[1, 2],
        stackwise_input_filters=[16, 16], stackwise_output_filters=[16, 24], stackwise_expansion_ratios=[1, 4],
        stackwise_squeeze_and_excite_ratios=[0, 0.25], stackwise_strides=[1, 2],
        stackwise_block_types=["fused", "unfused"], stackwise_width_coefficients=[1.0] * 2,
        stackwise_depth_coefficients=[1.0] * 2,
    ),
    "MobileNet": _pictures(
        "MobileNetBackbone", stackwise_expansion=[[40, 56], [64, 144]], stackwise_num_blocks=[2, 2],
        stackwise_num_filters=[[16, 16], [24, 24]], stackwise_kernel_size=[[3, 3], [5, 5]],
        stackwise_num_strides=[[2, 1], [2, 1]], stackwise_se_ratio=[[None, None], [0.25, 0.25]],
        stackwise_activation=[["relu", "relu"], ["hard_swish", "hard_swish"]], stackwise_padding=[[1, 1], [2, 2]],
        output_num_filters=64, depthwise_filters=8, depthwise_stride=2, depthwise_residual=False, last_layer_filter=64,
        squeeze_and_excite=0.5, image_shape=(64, 64, 3),
    ),
    "HGNetV2": _pictures(
        "HGNetV2Backbone", depths=[1, 1], embedding_size=32, hidden_sizes=[64, 128], stem_channels=[3, 16, 32],
        hidden_act="relu", use_learnable_affine_block=True, apply_downsample=[False, True],
        stackwise_stage_filters=[[32, 16, 64, 1, 1, 3], [64, 32, 128, 1, 1, 3]],
        use_lightweight_conv_block=[False, True], out_features=["stem", "stage1", "stage2"],
    ),
}  # fmt: skip
