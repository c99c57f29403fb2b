// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The layouts that come with Koine, compiled in.
///
/// A new family is one file in `Layouts/Data` and one line here; a test compares the list with the
/// folder.
enum LayoutFiles {
  static let files: [(name: String, bytes: [UInt8])] = [
    ("bert", PackageResources.bert_json),
    ("cohere", PackageResources.cohere_json),
    ("falcon", PackageResources.falcon_json),
    ("gemma", PackageResources.gemma_json),
    ("gemma2", PackageResources.gemma2_json),
    ("gemma3", PackageResources.gemma3_json),
    ("gpt2", PackageResources.gpt2_json),
    ("gpt_neox", PackageResources.gpt_neox_json),
    ("granite", PackageResources.granite_json),
    ("llama", PackageResources.llama_json),
    ("mistral", PackageResources.mistral_json),
    ("mixtral", PackageResources.mixtral_json),
    ("mt5", PackageResources.mt5_json),
    ("olmo", PackageResources.olmo_json),
    ("olmo2", PackageResources.olmo2_json),
    ("phi", PackageResources.phi_json),
    ("phi3", PackageResources.phi3_json),
    ("qwen2", PackageResources.qwen2_json),
    ("qwen2_moe", PackageResources.qwen2_moe_json),
    ("qwen3", PackageResources.qwen3_json),
    ("qwen3_moe", PackageResources.qwen3_moe_json),
    ("roberta", PackageResources.roberta_json),
    ("smollm3", PackageResources.smollm3_json),
    ("stablelm", PackageResources.stablelm_json),
    ("starcoder2", PackageResources.starcoder2_json),
    ("t5", PackageResources.t5_json),
    ("whisper", PackageResources.whisper_json),
    ("xlm_roberta", PackageResources.xlm_roberta_json),
  ]

  /// The families in the order of `files`, read once.
  static let families: [LayoutFamily] = files.map { file in
    do {
      return try LayoutFamily(
        String(decoding: file.bytes, as: UTF8.self), origin: "layout \(file.name).json")
    } catch {
      preconditionFailure("a layout file that no test has read: \(error)")
    }
  }

  static let byArchitecture = Dictionary(
    families.flatMap(\.layouts).map { ($0.architecture, $0) },
    uniquingKeysWith: { first, _ in first })

  /// The layout of each family's first class.
  static let byModelType = Dictionary(
    families.flatMap { family in
      family.modelTypes.compactMap { type in family.layouts.first.map { (type, $0) } }
    }, uniquingKeysWith: { first, _ in first })
}
