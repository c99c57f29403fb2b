# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Golden tensor names of transformers: tiny random models of every family with a layout.

    python3 -m pip install torch==2.15.0 transformers==5.23.0 && python3 make.py

Writes golden.json. For each model:

- config: what of its config.json says which tensors there are;
- tensors: the names of its state dict, in order, as a tree split at the dots (a branch with
  one member is joined with it); a leaf is the axis with vocab_size entries, or -1;
- tied: each name whose tensor is another's, and that one;
- saved: the names in the file that save_pretrained writes, as such a tree, where they are not
  those of `tensors` without the tied ones.
"""
import json
import pathlib
import re
import tempfile
import warnings

import safetensors
import torch
import transformers

VOCABULARY = 97  # no other dimension has this size
here = pathlib.Path(__file__).parent
warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

wide = dict(hidden_size=16, intermediate_size=24, num_attention_heads=2)
llama = dict(wide, num_key_value_heads=1, head_dim=8)
plain = dict(wide, num_key_value_heads=1)
moe = dict(llama, moe_intermediate_size=12)
gpt2 = dict(n_embd=16, n_head=2)
t5 = dict(d_model=16, d_ff=24, d_kv=8, num_heads=2)
whisper = dict(d_model=16, encoder_attention_heads=2, decoder_attention_heads=2,
               encoder_ffn_dim=24, decoder_ffn_dim=24, num_mel_bins=5, pad_token_id=0,
               max_source_positions=20, max_target_positions=12)
tied, untied = dict(tie_word_embeddings=True), dict(tie_word_embeddings=False)
heads = ["ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "Model"]
masked = ["ForMaskedLM", "ForMultipleChoice", *heads]

# config class, class name without its end, options, ends of further classes, options of variants
families = [
    ("LlamaConfig", "Llama", llama, heads,
     [tied, dict(attention_bias=True, mlp_bias=True)]),
    ("MistralConfig", "Mistral", llama, heads, [tied]),
    ("MixtralConfig", "Mixtral", dict(llama, num_local_experts=3), heads, [tied]),
    ("Qwen2Config", "Qwen2", plain, heads, [tied]),
    ("Qwen2MoeConfig", "Qwen2Moe",
     dict(plain, moe_intermediate_size=12, shared_expert_intermediate_size=12, num_experts=3),
     heads, [dict(tied, qkv_bias=False), dict(mlp_only_layers=[0], num_hidden_layers=2)]),
    ("Qwen3Config", "Qwen3", llama, heads, [tied, dict(attention_bias=True)]),
    ("Qwen3MoeConfig", "Qwen3Moe", dict(moe, num_experts=3), heads,
     [tied, dict(mlp_only_layers=[0], num_hidden_layers=2, attention_bias=True)]),
    ("GemmaConfig", "Gemma", llama, [heads[0], heads[1], "Model"], [untied]),
    ("Gemma2Config", "Gemma2", llama, [heads[0], heads[1], "Model"],
     [dict(attention_bias=True)]),
    ("Gemma3TextConfig", "Gemma3", llama, [], [dict(attention_bias=True)]),
    ("Gemma3TextConfig", "Gemma3Text", llama, [heads[0], "Model"], []),
    ("Phi3Config", "Phi3", dict(plain, pad_token_id=0), [heads[0], heads[1], "Model"], [tied]),
    ("Olmo2Config", "Olmo2", plain, [heads[0], "Model"], [dict(tied, attention_bias=True)]),
    ("OlmoConfig", "Olmo", plain, [heads[0], "Model"], [dict(tied, attention_bias=True)]),
    ("SmolLM3Config", "SmolLM3", dict(plain, pad_token_id=0), heads,
     [dict(attention_bias=True, mlp_bias=True)]),
    ("GraniteConfig", "Granite", plain, ["Model"],
     [dict(tied, attention_bias=True, mlp_bias=True)]),
    ("CohereConfig", "Cohere", plain, ["Model"], [dict(use_qk_norm=True, attention_bias=True)]),
    ("StableLmConfig", "StableLm", plain, [heads[0], heads[1], "Model"],
     [dict(use_qkv_bias=True, qk_layernorm=True), dict(tied, use_parallel_residual=True)]),
    ("PhiConfig", "Phi", plain, [heads[0], heads[1], "Model"],
     [dict(tied, qk_layernorm=True)]),
    ("Starcoder2Config", "Starcoder2", plain, [heads[0], heads[1], "Model"],
     [dict(use_bias=False)]),
    ("GPT2Config", "GPT2", gpt2, heads, [dict(add_cross_attention=True), untied]),
    ("GPTNeoXConfig", "GPTNeoX", wide, heads, [tied, dict(attention_bias=False)]),
    ("FalconConfig", "Falcon", dict(hidden_size=16, num_attention_heads=2), heads,
     [dict(new_decoder_architecture=True, num_kv_heads=1, bias=True), dict(parallel_attn=False)]),
    ("BertConfig", "Bert", wide,
     ["LMHeadModel", "ForPreTraining", "ForNextSentencePrediction", *masked], [untied]),
    ("RobertaConfig", "Roberta", wide, masked, [untied]),
    ("XLMRobertaConfig", "XLMRoberta", wide, masked, []),
    ("T5Config", "T5", t5, [*heads, "EncoderModel"],
     [untied, dict(feed_forward_proj="gated-gelu")]),
    ("MT5Config", "MT5", t5, [*heads, "EncoderModel"], []),
    ("WhisperConfig", "Whisper", whisper, ["ForCausalLM", "ForAudioClassification", "Model"],
     [dict(use_weighted_layer_sum=True, architectures=["WhisperForAudioClassification"])]),
]
first_class = {"GPT2": "LMHeadModel", "Bert": "ForMaskedLM", "Roberta": "ForCausalLM",
               "XLMRoberta": "ForCausalLM", "T5": "ForConditionalGeneration",
               "MT5": "ForConditionalGeneration", "Whisper": "ForConditionalGeneration",
               "Gemma3Text": "Model"}
depth_keys = {"GPT2": [["n_layer"]], "T5": [["num_layers", "num_decoder_layers"]],
              "MT5": [["num_layers", "num_decoder_layers"]],
              "Whisper": [["encoder_layers", "decoder_layers"]]}


def tree(names):
    root = {}
    for name, leaf in names:
        *path, last = name.split(".")
        node = root
        for part in path:
            node = node.setdefault(part, {})
        node[last] = leaf
    return joined(root)


def joined(node):
    """A branch with one member is one key with a dot."""
    if not isinstance(node, dict):
        return node
    result = {}
    for key, value in node.items():
        value = joined(value)
        if isinstance(value, dict) and len(value) == 1:
            ((last, value),) = value.items()
            key = f"{key}.{last}"
        result[key] = value
    return result


def axis(shape):
    return list(shape).index(VOCABULARY) if VOCABULARY in shape else -1


def describe(config_class, name, options):
    config = getattr(transformers, config_class)(vocab_size=VOCABULARY, **options)
    model = getattr(transformers, name)(config)
    tensors = {key: axis(value.shape) for key, value in model.state_dict().items()}
    shared = dict(model.all_tied_weights_keys)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        written = json.loads((pathlib.Path(folder) / "config.json").read_text())
        with safetensors.safe_open(pathlib.Path(folder) / "model.safetensors", "pt") as file:
            saved = {key: axis(file.get_slice(key).get_shape()) for key in file.keys()}
    kept = re.compile(
        "^(architectures|model_type|vocab_size|n_layer)$|_layers$|num.*(experts|heads)$")
    result = dict(config={key: value for key, value in written.items() if kept.search(key)},
                  tensors=tree(tensors.items()))
    if shared:
        result["tied"] = shared
    if set(saved) != set(tensors) - set(shared):
        result["saved"] = tree(sorted(saved.items()))
    return result


models = []
for config_class, stem, options, ends, variants in families:
    main = first_class.get(stem, "ForCausalLM")
    (keys,) = depth_keys.get(stem, [["num_hidden_layers"]])

    def depth(*counts):
        return dict(zip(keys, counts))

    models.append(describe(config_class, stem + main, {**options, **depth(1, 2)}))
    models.append(describe(config_class, stem + main, {**options, **depth(2, 1)}))
    for end in dict.fromkeys(ends):
        if end != main:
            models.append(describe(config_class, stem + end, {**options, **depth(1, 2)}))
    for variant in variants:
        variant = dict(variant)
        (name,) = variant.pop("architectures", [stem + main])
        models.append(describe(config_class, name, {**options, **depth(1, 2), **variant}))
tool = f"transformers {transformers.__version__}, torch {torch.__version__}"
lines = ",\n".join(json.dumps(model, separators=(",", ":")) for model in models)
(here / "golden.json").write_text(f'{{"tool":"{tool}","models":[\n{lines}\n]}}\n')
