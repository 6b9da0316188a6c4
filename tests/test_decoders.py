"""Decoders that write token after token: what they say is what they say in TensorFlow, at every length and batch."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import Case, case, check, f32, i32, w

WORDS, UNITS, END = 40, 12, 1
PROMPT = (i32("b", "t", low=2, high=WORDS), i32("b", low=1, high=5))  # tokens, and how many of a row are given


def _attention(states, memory, keys, mask):
    """Additive attention: which of the source's positions a decoder's state looks at."""
    scores = tf.reduce_sum(tf.tanh(keys + tf.matmul(states, w(UNITS, UNITS, seed=5))[:, None]) * w(UNITS, seed=6), -1)
    weights = tf.nn.softmax(tf.where(mask, scores, -1e9))
    return tf.reduce_sum(weights[..., None] * memory, 1)


class Translator:
    """A recurrent encoder, additive attention and a recurrent decoder, all of constants."""

    def __init__(self) -> None:
        self.table = w(WORDS, UNITS, seed=1) * 2
        self.readout = w(UNITS, WORDS, seed=2) * 3

    def encode(self, tokens, lengths):
        mask = tf.sequence_mask(lengths, tf.shape(tokens)[1])
        memory = tf.tanh(tf.matmul(tf.gather(self.table, tokens), w(UNITS, UNITS, seed=3)))
        return memory, mask

    def step(self, token, state, memory, mask):
        # What depends on the source alone is written inside, and belongs outside of the loop.
        keys = tf.matmul(memory, w(UNITS, UNITS, seed=4))
        context = _attention(state, memory, keys, mask)
        fed = tf.concat([tf.gather(self.table, token), context, state], 1)
        state = tf.tanh(tf.matmul(fed, w(3 * UNITS, UNITS, seed=7)))
        return tf.matmul(state, self.readout), state


def _greedy(limit=9):
    net = Translator()

    def run(tokens, lengths):
        memory, mask = net.encode(tokens, lengths)
        batch = tf.shape(tokens)[0]
        said = tf.TensorArray(tf.int32, limit, element_shape=[None])

        def goes_on(i, token, state, done, said):
            return tf.logical_not(tf.reduce_all(done))

        def body(i, token, state, done, said):
            logits, state = net.step(token, state, memory, mask)
            token = tf.where(done, 0, tf.argmax(logits, 1, tf.int32))
            done = tf.logical_or(done, tf.equal(token % 5, END))
            return i + 1, token, state, done, said.write(i, token)

        start = (0, tf.fill([batch], 2), tf.reduce_mean(memory, 1), tf.fill([batch], False), said)
        i, *_, said = tf.while_loop(goes_on, body, start, maximum_iterations=limit)
        return tf.transpose(said.stack()), i

    return run


def _growing(limit=6):
    """Every new token is put behind those that are there, so what is carried grows."""
    net = Translator()

    def run(tokens, lengths):
        memory, mask = net.encode(tokens, lengths)

        def body(i, said, state):
            logits, state = net.step(said[:, -1], state, memory, mask)
            return i + 1, tf.concat([said, tf.argmax(logits, 1, tf.int32)[:, None]], 1), state

        shapes = (tf.TensorShape([]), tf.TensorShape([None, None]), tf.TensorShape([None, UNITS]))
        start = (0, tf.fill([tf.shape(tokens)[0], 1], 2), tf.reduce_mean(memory, 1))
        return tf.while_loop(lambda i, *_: i < limit, body, start, shape_invariants=shapes)[1]

    return run


def _beam(width=3, limit=7):
    """The usual search: the best of all continuations of the best beginnings, finished ones left as they are."""
    net = Translator()

    def run(tokens, lengths):
        memory, mask = net.encode(tokens, lengths)
        batch = tf.shape(tokens)[0]
        memory, mask = tf.repeat(memory, width, 0), tf.repeat(mask, width, 0)
        said = tf.fill([batch, width, limit], 0)
        scores = tf.tile(tf.constant([[0.0] + [-1e9] * (width - 1)]), [batch, 1])
        state = tf.reduce_mean(memory, 1)
        done = tf.fill([batch, width], False)
        token = tf.fill([batch, width], 2)

        def body(i, said, scores, state, done, token):
            logits, state = net.step(tf.reshape(token, [-1]), state, memory, mask)
            following = tf.reshape(tf.nn.log_softmax(logits), [batch, width, WORDS])
            ended = tf.one_hot(0, WORDS, on_value=0.0, off_value=-1e9)
            following = tf.where(done[..., None], ended, following)
            flat = tf.reshape(scores[..., None] + following, [batch, width * WORDS])
            scores, best = tf.math.top_k(flat, width)
            parent, token = best // WORDS, best % WORDS
            said = tf.gather(said, parent, batch_dims=1)
            done = tf.gather(done, parent, batch_dims=1)
            state = tf.reshape(tf.gather(tf.reshape(state, [batch, width, UNITS]), parent, batch_dims=1), [-1, UNITS])
            said = tf.where(tf.range(limit) == i, token[..., None], said)
            return i + 1, said, scores, state, done | (token % 5 == END), token

        def goes_on(i, said, scores, state, done, token):
            return (i < limit) & ~tf.reduce_all(done)

        _, said, scores, *_ = tf.while_loop(goes_on, body, (0, said, scores, state, done, token))
        return said, scores

    return run


def _sampled(limit=8, k=4):
    """Draws among the k likeliest tokens, with a seed for each step."""
    net = Translator()

    def run(tokens, lengths, seed):
        memory, mask = net.encode(tokens, lengths)

        def body(i, token, state, said):
            logits, state = net.step(token, state, memory, mask)
            values, indices = tf.math.top_k(logits, k)
            drawn = tf.random.stateless_categorical(values, 1, tf.stack([seed, i]), tf.int32)
            token = tf.gather(indices, drawn, batch_dims=1)[:, 0]
            return i + 1, token, state, tf.tensor_scatter_nd_update(said, [[i]], [token])

        batch = tf.shape(tokens)[0]
        start = (0, tf.fill([batch], 2), tf.reduce_mean(memory, 1), tf.zeros([limit, batch], tf.int32))
        return tf.while_loop(lambda i, *_: i < limit, body, start)[3]

    return run


def _cached_step(write):
    """A step of two layers of attention over cached keys and values, which come in and go out."""

    def run(token, cache, position):
        x = tf.gather(w(WORDS, UNITS, seed=1), token)[:, None]  # (rows, 1, units)
        caches = []
        for layer in range(2):
            keys, values = cache[:, layer, 0], cache[:, layer, 1]  # (rows, steps, units)
            keys = write(keys, position, tf.matmul(x, w(UNITS, UNITS, seed=10 + layer)))
            values = write(values, position, tf.matmul(x, w(UNITS, UNITS, seed=20 + layer)))
            scores = tf.matmul(x, keys, transpose_b=True) * 0.3
            seen = tf.range(tf.shape(keys)[1]) <= position
            x += tf.matmul(tf.nn.softmax(tf.where(seen, scores, -1e9)), values)
            caches.append(tf.stack([keys, values], 1))
        return tf.argmax(tf.matmul(x[:, 0], w(UNITS, WORDS, seed=2)), 1), tf.stack(caches, 1)

    return run


def _by_slices(cache, position, new):
    return keras.ops.slice_update(cache, [0, position, 0], new)


def _by_scatter(cache, position, new):
    moved = tf.tensor_scatter_nd_update(tf.transpose(cache, [1, 0, 2]), [[position]], tf.transpose(new, [1, 0, 2]))
    return tf.transpose(moved, [1, 0, 2])


def _by_mask(cache, position, new):
    return tf.where(tf.range(tf.shape(cache)[1])[:, None] == position, new, cache)


STEP = (i32("b", low=0, high=WORDS), f32("b", 2, 2, "t", UNITS), i32(low=0, high=5))
CASES: dict[str, Case] = {
    "greedy": case(_greedy, *PROMPT, builds=True, ops="Loop"),
    "growing": case(_growing, *PROMPT, builds=True, ops="Loop"),
    "beam": case(_beam, *PROMPT, builds=True, ops="Loop"),
    "sampled": case(_sampled, *PROMPT, i32(low=0, high=99), builds=True, ops="Loop"),
    "step/slices": case(_cached_step(_by_slices), *STEP),
    "step/scatter": case(_cached_step(_by_scatter), *STEP),
    "step/mask": case(_cached_step(_by_mask), *STEP),
}


@pytest.mark.parametrize("name", CASES)
def test_decoder(name: str) -> None:
    check(name, CASES[name])


def _generating(sampler, stops=None):
    """KerasHub's GPT-2, its `generate` loop included."""

    def build():
        hub = pytest.importorskip("keras_hub", reason="KerasHub is large and optional")
        keras.utils.set_random_seed(1)
        backbone = hub.models.GPT2Backbone(
            vocabulary_size=WORDS, num_layers=2, num_heads=2, hidden_dim=UNITS, intermediate_dim=2 * UNITS,
            max_sequence_length=32,
        )  # fmt: skip
        rng = np.random.default_rng(1)
        for variable in backbone.weights:
            variable.assign(variable + 0.3 * rng.standard_normal(variable.shape))
        model = hub.models.GPT2CausalLM(backbone=backbone)
        chosen = sampler(hub.samplers)
        model.compile(sampler=chosen)
        seed = getattr(chosen, "seed_generator", None)
        first = None if seed is None else tf.constant(seed.state)

        def run(tokens, lengths):
            mask = tf.sequence_mask(lengths, tf.shape(tokens)[1])
            result = model.generate_step({"token_ids": tf.where(mask, tokens, 0), "padding_mask": mask}, stops)
            if seed is not None:
                seed.state.assign(first)  # every call of the reference draws alike
            return result["token_ids"], result["padding_mask"]

        return run

    return build


GENERATED: dict[str, Case] = {
    "greedy": case(_generating(lambda s: s.GreedySampler()), *PROMPT, builds=True, ops="Loop"),
    "greedy/stops": case(_generating(lambda s: s.GreedySampler(), stops=(3, 5, 7)), *PROMPT, builds=True),
    "beam": case(_generating(lambda s: s.BeamSampler(num_beams=3)), *PROMPT, builds=True, ops="Loop"),
    "contrastive": case(_generating(lambda s: s.ContrastiveSampler(k=3, alpha=0.4)), *PROMPT, builds=True),
    "top-p": case(_generating(lambda s: s.TopPSampler(p=0.8, seed=3)), *PROMPT, builds=True, ops="Loop"),
    "random": case(_generating(lambda s: s.RandomSampler(seed=3)), *PROMPT, builds=True, ops="Loop"),
}


@pytest.mark.parametrize("name", GENERATED)
def test_generate(name: str) -> None:
    check(name, GENERATED[name])
