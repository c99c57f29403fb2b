// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Synchronization

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

  /// The families in the order of `files`.
  static var families: [LayoutFamily] { files.indices.map(family) }

  /// The layout of a class.
  static func layout(architecture: String) -> ModelLayout? {
    for family in families(naming: architecture) {
      if let layout = family.layouts.first(where: { $0.architecture == architecture }) {
        return layout
      }
    }
    return nil
  }

  /// The layout of the first class of a family.
  static func layout(modelType: String) -> ModelLayout? {
    families(naming: modelType).first { $0.modelTypes.contains(modelType) }?.layouts.first
  }

  /// The families whose file has `name` as a string: to read all of them would be most of the time
  /// of a small merge.
  private static func families(naming name: String) -> some Sequence<LayoutFamily> {
    let quoted = Array("\"\(name)\"".utf8)
    return files.indices.lazy.filter { files[$0].bytes.contains(quoted) }.map(family)
  }

  private static func family(_ index: Int) -> LayoutFamily {
    if let family = read.withLock({ $0[index] }) { return family }
    let file = files[index]
    do {
      let family = try LayoutFamily(
        String(decoding: file.bytes, as: UTF8.self), origin: "layout \(file.name).json")
      read.withLock { $0[index] = family }
      return family
    } catch {
      preconditionFailure("a layout file that no test has read: \(error)")
    }
  }

  /// What has been read, by its place in `files`.
  private static let read = Mutex<[Int: LayoutFamily]>([:])
}

extension [UInt8] {
  /// Whether `part`, which is not empty, occurs.
  fileprivate func contains(_ part: [UInt8]) -> Bool {
    guard part.count <= count else { return false }
    return (0...(count - part.count)).contains { start in
      self[start] == part[0]
        && part.indices.dropFirst().allSatisfy { self[start + $0] == part[$0] }
    }
  }
}
