# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Makes tiny models of every family, and checks what `koine export --gguf` writes of them.

    pip install transformers==5.23.0 torch tokenizers gguf==0.19.0 safetensors numpy
    python make.py models                  # the folders beside this script
    python make.py verify path/to/koine    # exports, reads back, records hashes in expected.json

Read back twice: by the `gguf` package (every tensor against the checkpoint, and keys), and, for the
families it knows, by transformers (logits of the file's weights against those of the folder's, with the
folder's config, since its reader takes some settings for the published models').
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

here = pathlib.Path(__file__).parent
common = dict(
    vocab_size=300, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
    bos_token_id=1, eos_token_id=2, pad_token_id=0,
)
llama3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=32, rope_theta=10000.0)
families = {
    "llama": dict(common, attention_bias=True, rope_parameters=llama3, max_position_embeddings=256),
    "mistral": dict(common, head_dim=8, sliding_window=None),
    "qwen2": dict(common),
    "qwen3": dict(common, head_dim=16, tie_word_embeddings=True),
    "smollm3": dict(common, num_hidden_layers=4),
    "gemma": dict(common, head_dim=8),
    "gemma2": dict(common, head_dim=8, query_pre_attn_scalar=8, sliding_window=16),
    "gemma3_text": dict(common, head_dim=8, query_pre_attn_scalar=8, sliding_window=16),
}
sentencepiece = {"mistral", "gemma", "gemma2", "gemma3_text"}


def byte_level():
    from tokenizers import Tokenizer, models, pre_tokenizers, decoders, AddedToken, Regex
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n")]
    tokens = ["<pad>", "<s>", "</s>"] + alphabet + ["th", "the", "Ġthe", "in"]
    vocab = {t: i for i, t in enumerate(tokens)}
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens(["<pad>", "<s>", "</s>"])
    t.add_tokens([AddedToken("<tool>", normalized=False)])
    return t


def metaspace():
    from tokenizers import Tokenizer, models, normalizers, decoders, processors
    letters = list("▁abcdefghijklmnopqrstuvwxyz")
    merges = [("t", "h"), ("th", "e"), ("▁", "the")]
    tokens = (["<pad>", "<s>", "</s>", "<unk>"] + [f"<0x{b:02X}>" for b in range(256)]
              + letters + ["th", "the", "▁the"])
    vocab = {t: i for i, t in enumerate(tokens)}
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", byte_fallback=True,
                             fuse_unk=True))
    t.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(),
                                   decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.add_special_tokens(["<pad>", "<s>", "</s>", "<unk>"])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return t


def models():
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast
    for number, (family, settings) in enumerate(families.items()):
        torch.manual_seed(number)
        config = AutoConfig.for_model(family, **settings)
        model = AutoModelForCausalLM.from_config(config, torch_dtype=torch.bfloat16)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(torch.randn(parameter.shape) * (0.5 if "norm" in name else 0.2))
        folder = here / family
        model.save_pretrained(folder)
        inner = metaspace() if family in sentencepiece else byte_level()
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>",
            **({"unk_token": "<unk>"} if family in sentencepiece else {}))
        tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
        tokenizer.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)


names = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
}
pre = {"post_attention_layernorm": "ffn_norm"}
four = {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
        "post_feedforward_layernorm": "post_ffw_norm"}


def expected_tensors(family, folder):
    from safetensors.torch import load_file
    result = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        values = tensor.float().numpy()
        if family.startswith("gemma") and name.endswith("norm.weight"):
            values = values + 1
        if family in ("llama", "mistral", "smollm3"):
            for projection, heads in (("q_proj", 4), ("k_proj", 2)):
                if f".{projection}." in name:
                    shape = values.shape
                    halves = values.reshape(heads, 2, shape[0] // heads // 2, -1)
                    values = halves.swapaxes(1, 2).reshape(shape)
        top = {"model.embed_tokens.weight": "token_embd.weight", "lm_head.weight": "output.weight",
               "model.norm.weight": "output_norm.weight"}
        if name in top:
            result[top[name]] = values
        else:
            _, _, layer, rest = name.split(".", 3)
            module, kind = rest.rsplit(".", 1)
            table = names | (four if family in ("gemma2", "gemma3_text") else pre)
            result[f"blk.{layer}.{table[module]}.{kind}"] = values
    return result


def verify(koine):
    import gguf
    import transformers
    from gguf.quants import dequantize, quantize
    hashes = {}
    for family in families:
        folder = here / family
        config = json.loads((folder / "config.json").read_text())
        for encoding, kind in [("f32", "F32"), ("f16", "F16"), ("bf16", "BF16"), ("q8_0", "Q8_0")]:
            with tempfile.TemporaryDirectory() as place:
                path = pathlib.Path(place) / "model.gguf"
                subprocess.run([koine, "export", folder, path, "--gguf", "--type", encoding],
                               check=True, capture_output=True)
                reader = gguf.GGUFReader(path)
                wanted = expected_tensors(family, folder)
                found = {t.name: t for t in reader.tensors}
                extra = {"rope_freqs.weight"} if family == "llama" else set()
                assert set(found) == set(wanted) | extra, set(found) ^ set(wanted)
                for name, values in wanted.items():
                    tensor = found[name]
                    assert list(tensor.shape) == list(reversed(values.shape)), name
                    type = gguf.GGMLQuantizationType[kind]
                    if values.ndim < 2:
                        type = gguf.GGMLQuantizationType.F32
                    elif kind == "Q8_0" and values.shape[-1] % 32:
                        type = gguf.GGMLQuantizationType.F16
                    assert tensor.tensor_type == type, (name, tensor.tensor_type)
                    reference = quantize(np.ascontiguousarray(values), type)
                    assert tensor.data.tobytes() == reference.tobytes(), (family, encoding, name)
                fields = {k: f.contents() for k, f in reader.fields.items()}
                architecture = fields["general.architecture"]
                assert fields[f"{architecture}.embedding_length"] == 32
                assert fields[f"{architecture}.block_count"] == config["num_hidden_layers"]
                assert len(fields["tokenizer.ggml.tokens"]) == 300
                assert fields["tokenizer.ggml.bos_token_id"] == 1
                assert fields["tokenizer.chat_template"].startswith("{%")
                hashes[f"{family}.{encoding}"] = fnv1a(path.read_bytes())
                difference = None
                if encoding == "f32" and family not in ("smollm3",):
                    ids = torch.tensor([[1, 5, 9, 100, 200, 33, 64, 7, 8]])
                    load = transformers.AutoModelForCausalLM.from_pretrained
                    try:
                        ours = load(place, gguf_file="model.gguf", dtype=torch.float32,
                                    config=transformers.AutoConfig.from_pretrained(folder))
                        theirs = load(folder, dtype=torch.float32)
                        with torch.no_grad():
                            a, b = ours(ids).logits, theirs(ids).logits
                        difference = float((a - b).abs().max() / b.abs().max())
                    except Exception as error:  # families that transformers cannot read from GGUF
                        difference = f"{type_name(error)}: {str(error)[:90]}"
                print(f"{family:12} {encoding:5} {len(found)} tensors equal"
                      + (f", logits differ by {difference}" if difference is not None else ""))
    versions = {"gguf": "0.19.0", "transformers": transformers.__version__,
                "torch": torch.__version__}
    (here / "expected.json").write_text(
        json.dumps({"versions": versions, "fnv1a": hashes}, indent=2) + "\n")


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:x}"


def type_name(error):
    return error.__class__.__name__


if sys.argv[1:] == ["models"]:
    models()
else:
    verify(sys.argv[2])
