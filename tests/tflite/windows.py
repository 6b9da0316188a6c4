"""Convolutions, pools, full connections and resizing, in float32."""

from __future__ import annotations

from tests.tflite.build import (
    RELU,
    RELU6,
    SAME,
    VALID,
    Case,
    case,
    const,
    f32,
    weights,
)

IMAGE = f32(None, 8, 9, 4)


CASES: dict[str, Case] = {
    "conv_2d": case("CONV_2D", [IMAGE, weights(6, 3, 3, 4), weights(6)], [f32()], padding=SAME, stride_w=2, stride_h=2),
    "conv_2d/valid-relu6": case(
        "CONV_2D",
        [IMAGE, weights(6, 3, 2, 4), weights(6)],
        [f32()],
        padding=VALID,
        stride_w=1,
        stride_h=1,
        fused_activation_function=RELU6,
    ),
    "conv_2d/dilated": case(
        "CONV_2D",
        [IMAGE, weights(6, 3, 3, 4), weights(6)],
        [f32()],
        padding=SAME,
        stride_w=1,
        stride_h=1,
        dilation_w_factor=2,
        dilation_h_factor=2,
    ),
    "conv_2d/grouped": case(
        "CONV_2D", [IMAGE, weights(6, 3, 3, 2), weights(6)], [f32()], padding=SAME, stride_w=1, stride_h=1
    ),
    "depthwise_conv_2d": case(
        "DEPTHWISE_CONV_2D",
        [IMAGE, weights(1, 3, 3, 4), weights(4)],
        [f32()],
        padding=SAME,
        stride_w=2,
        stride_h=2,
        depth_multiplier=1,
        fused_activation_function=RELU,
    ),
    "depthwise_conv_2d/multiplier": case(
        "DEPTHWISE_CONV_2D",
        [IMAGE, weights(1, 3, 3, 8), weights(8)],
        [f32()],
        padding=VALID,
        stride_w=1,
        stride_h=1,
        depth_multiplier=2,
    ),
    "transpose_conv": case(
        "TRANSPOSE_CONV",
        [const([2, 16, 18, 3]), weights(3, 3, 3, 4), f32(2, 8, 9, 4)],
        [f32()],
        padding=SAME,
        stride_w=2,
        stride_h=2,
    ),
    "transpose_conv/bias": case(
        "TRANSPOSE_CONV",
        [const([2, 17, 19, 3]), weights(3, 3, 3, 4), f32(2, 8, 9, 4), weights(3)],
        [f32()],
        padding=VALID,
        stride_w=2,
        stride_h=2,
        version=3,
    ),
    "conv_3d": case(
        "CONV_3D",
        [f32(None, 5, 6, 7, 3), weights(2, 3, 3, 3, 4), weights(4)],
        [f32()],
        padding=SAME,
        stride_d=1,
        stride_h=2,
        stride_w=2,
        dilation_d_factor=1,
        dilation_h_factor=1,
        dilation_w_factor=1,
    ),
    "conv_3d_transpose": case(
        "CONV_3D_TRANSPOSE",
        [const([2, 10, 12, 14, 3]), weights(3, 3, 3, 3, 4), f32(2, 5, 6, 7, 4), weights(3)],
        [f32()],
        padding=SAME,
        stride_d=2,
        stride_h=2,
        stride_w=2,
        dilation_d_factor=1,
        dilation_h_factor=1,
        dilation_w_factor=1,
    ),
    "fully_connected": case("FULLY_CONNECTED", [f32(None, 7), weights(5, 7), weights(5)], [f32()]),
    "fully_connected/flattens": case(
        "FULLY_CONNECTED", [f32(None, 2, 7), weights(5, 7), None], [f32()], fused_activation_function=RELU
    ),
    "fully_connected/keeps": case(
        "FULLY_CONNECTED", [f32(None, 2, 7), weights(5, 7), weights(5)], [f32()], keep_num_dims=True
    ),
    "fully_connected/joins": case("FULLY_CONNECTED", [f32(4, 2, 3), weights(5, 6), weights(5)], [f32()]),
    **{
        f"{n.lower()}/{tag}": case(
            n, [IMAGE], [f32()], padding=p, stride_w=s, stride_h=s, filter_width=3, filter_height=2
        )
        for n in "AVERAGE_POOL_2D MAX_POOL_2D L2_POOL_2D".split()
        for tag, p, s in (("same", SAME, 2), ("valid", VALID, 1))
    },
    "max_pool_2d/relu": case(
        "MAX_POOL_2D",
        [IMAGE],
        [f32()],
        padding=SAME,
        stride_w=2,
        stride_h=2,
        filter_width=2,
        filter_height=2,
        fused_activation_function=RELU,
    ),
    "batch_matmul": case("BATCH_MATMUL", [f32(None, 3, 4), f32(None, 4, 5)], [f32()]),
    "batch_matmul/adjoint": case("BATCH_MATMUL", [f32(2, 4, 3), f32(2, 5, 4)], [f32()], adj_x=True, adj_y=True),
    "batch_matmul/broadcast": case("BATCH_MATMUL", [f32(None, 2, 3, 4), weights(4, 5)], [f32()]),
    "resize_bilinear": case("RESIZE_BILINEAR", [IMAGE, const([13, 5])], [f32()]),
    "resize_bilinear/corners": case("RESIZE_BILINEAR", [IMAGE, const([13, 5])], [f32()], align_corners=True),
    "resize_bilinear/half": case(
        "RESIZE_BILINEAR", [IMAGE, const([16, 18])], [f32()], half_pixel_centers=True, version=3
    ),
    "resize_nearest_neighbor": case("RESIZE_NEAREST_NEIGHBOR", [IMAGE, const([13, 5])], [f32()]),
    "resize_nearest_neighbor/half": case(
        "RESIZE_NEAREST_NEIGHBOR", [IMAGE, const([13, 5])], [f32()], half_pixel_centers=True, version=3
    ),
}
