// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Templates
import Tokenization

/// A tokenizer as the head of a GGUF file has it.
///
/// Two kinds can be said there: byte-level BPE, whose way of splitting text is named from a fixed
/// list, and BPE over whole text with bytes as a last resort, as SentencePiece makes it.
struct GGUFTokenizer {
  private(set) var metadata: [(key: String, value: GGUFValue)] = []
  /// That llama.cpp has no name for the way this tokenizer splits text.
  private(set) var splitsDifferently = false

  /// What a token is to llama.cpp.
  private enum Kind: Int32 {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  /// - Parameters:
  ///   - document: tokenizer.json.
  ///   - settings: tokenizer_config.json and special_tokens_map.json, the first that has a key.
  ///   - rowCount: rows of the embedding; ids without a token are filled up.
  ///   - preTokenizer: a name to write instead of the one that is found.
  init(
    _ document: TokenizerDocument, settings: [JSON], config: JSON, rowCount: Int,
    preTokenizer: String?
  ) throws(GGUFFault) {
    let json = document.json
    guard document.kind == "BPE" else {
      throw .inexpressible("a tokenizer of the kind \(document.kind); known is BPE")
    }
    guard document.size <= rowCount else {
      throw .inexpressible("\(document.size) tokens for an embedding of \(rowCount) rows")
    }
    func role(_ key: String) -> String? {
      for object in settings {
        if let text = object[key]?.string ?? object[key]?["content"]?.string { return text }
      }
      return nil
    }
    let isByteLevel = Self.stages(json["pre_tokenizer"]).contains {
      $0["type"]?.string == "ByteLevel"
    }
    let unknown = json["model"]?["unk_token"]?.string ?? role("unk_token")
    var tokens = (0..<rowCount).map { "[PAD\($0)]" }
    var kinds = [Kind](repeating: .unused, count: rowCount)
    for entry in document.entries {
      tokens[entry.id] = entry.text
      kinds[entry.id] =
        if let added = entry.added {
          if entry.text == unknown, !isByteLevel {
            .unknown
          } else {
            added["special"]?.bool == true ? .control : .userDefined
          }
        } else if entry.text == unknown, !isByteLevel {
          .unknown
        } else if !isByteLevel,
          Self.isByte(entry.text)
        { .byte } else { .normal }
    }
    metadata.append(("tokenizer.ggml.model", .string(isByteLevel ? "gpt2" : "llama")))
    if let name = preTokenizer ?? Self.preTokenizer(json, isByteLevel: isByteLevel) {
      metadata.append(("tokenizer.ggml.pre", .string(name)))
    } else {
      metadata.append(("tokenizer.ggml.pre", .string("default")))
      splitsDifferently = true
    }
    metadata.append(("tokenizer.ggml.tokens", .strings(tokens)))
    if !isByteLevel {
      metadata.append(("tokenizer.ggml.scores", .float32s(Self.scores(document, rowCount))))
    }
    metadata.append(("tokenizer.ggml.token_type", .int32s(kinds.map(\.rawValue))))
    if isByteLevel {
      metadata.append(
        ("tokenizer.ggml.merges", .strings(document.merges.map { "\($0.left) \($0.right)" })))
    }
    for (key, name) in [
      ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"),
      ("pad_token", "padding"),
    ] {
      let listed = config["\(key)_id"]?.int ?? config["\(key)_id"]?.array?.first?.int
      let id = role(key).flatMap { document.id(of: $0) } ?? listed
      guard let id, (0..<rowCount).contains(id) else { continue }
      metadata.append(("tokenizer.ggml.\(name)_token_id", .uint32(UInt32(id))))
    }
    metadata += Self.additions(json, settings, bos: role("bos_token"), eos: role("eos_token"))
    if !isByteLevel {
      metadata.append(("tokenizer.ggml.add_space_prefix", .bool(Self.addsSpace(json))))
    }
  }

  /// The templates as gguf-py names them: the default, and each other with its name, of which all
  /// but letters and digits become `_`.
  ///
  /// - Returns: the names that are left out, for another has taken their place.
  mutating func setChatTemplates(_ templates: ChatTemplates) -> [String] {
    var taken: [String] = []
    var leftOut: [String] = []
    for name in templates.names where name != "default" {
      let key = String(
        name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" as Character })
      if key.isEmpty || key == "default" || taken.contains(key) {
        leftOut.append(name)
      } else if let text = templates[name] {
        taken.append(key)
        metadata.append(("tokenizer.chat_template.\(key)", .string(text)))
      }
    }
    if !taken.isEmpty { metadata.append(("tokenizer.chat_templates", .strings(taken))) }
    if let text = templates["default"] {
      metadata.append(("tokenizer.chat_template", .string(text)))
    }
    return leftOut
  }

  /// The stages of a pipeline, sequences taken apart.
  private static func stages(_ json: JSON?) -> [JSON] {
    guard let json, json.object != nil else { return [] }
    let inner =
      json["pretokenizers"]?.array ?? json["normalizers"]?.array
      ?? json["processors"]?.array
    return inner.map { $0.flatMap { stages($0) } } ?? [json]
  }

  private static func isByte(_ token: String) -> Bool {
    token.utf8.count == 6 && token.hasPrefix("<0x") && token.hasSuffix(">")
      && token.dropFirst(3).dropLast().allSatisfy(\.isHexDigit)
  }

  /// llama.cpp joins the neighbours whose union has the highest score; here the earliest merge has
  /// it. A token that no merge makes is the last resort.
  private static func scores(_ document: TokenizerDocument, _ count: Int) -> [Float] {
    let merges = document.merges
    var scores = [Float](repeating: -Float(merges.count + 1), count: count)
    for (rank, merge) in merges.enumerated().reversed() {
      guard let id = document.id(of: merge.left + merge.right), id < count else { continue }
      scores[id] = -Float(rank)
    }
    return scores
  }

  /// The name of the way in which text is split; `nil` where llama.cpp has none.
  private static func preTokenizer(_ json: JSON, isByteLevel: Bool) -> String? {
    guard isByteLevel else { return "default" }
    let stages = stages(json["pre_tokenizer"])
    var patterns: [String] = []
    var hasDigits = false
    for stage in stages {
      switch stage["type"]?.string {
      case "Split": patterns.append(stage["pattern"]?["Regex"]?.string ?? "")
      case "Digits": hasDigits = stage["individual_digits"]?.bool == true
      case "ByteLevel":
        if stage["use_regex"]?.bool ?? true { patterns.append(SplitPattern.gpt2.rawValue) }
      default: return nil
      }
    }
    let isComposed = Self.stages(json["normalizer"]).map { $0["type"]?.string } == ["NFC"]
    guard patterns.count == 1, let pattern = SplitPattern(rawValue: patterns[0]) else { return nil }
    switch (pattern, hasDigits, isComposed) {
    case (.gpt2, true, false): return "smollm"
    case (.gpt2, false, false): return "gpt-2"
    case (.numberTriples, false, false): return "llama-bpe"
    case (.singleDigits, false, _): return "qwen2"
    case (.marksAsLetters, false, _): return "qwen35"
    default: return nil
    }
  }

  /// Whether a token begins or ends every text: tokenizer_config.json's word, else the
  /// post-processor's.
  private static func additions(
    _ json: JSON, _ settings: [JSON], bos: String?, eos: String?
  ) -> [(String, GGUFValue)] {
    let templates = stages(json["post_processor"]).filter {
      $0["type"]?.string == "TemplateProcessing"
    }
    func adds(_ token: String?, atEnd: Bool) -> Bool {
      guard let token else { return false }
      return templates.contains { template in
        let single = template["single"]?.array ?? []
        return (atEnd ? single.last : single.first)?["SpecialToken"]?["id"]?.string == token
      }
    }
    func said(_ key: String) -> Bool? { settings.lazy.compactMap { $0[key]?.bool }.first }
    return [
      (
        "tokenizer.ggml.add_bos_token",
        .bool(adds(bos, atEnd: false) || said("add_bos_token") ?? false)
      ),
      (
        "tokenizer.ggml.add_eos_token",
        .bool(adds(eos, atEnd: true) || said("add_eos_token") ?? false)
      ),
    ]
  }

  /// Whether a text gets a space before its first word.
  private static func addsSpace(_ json: JSON) -> Bool {
    stages(json["normalizer"]).contains { $0["type"]?.string == "Prepend" }
      || stages(json["pre_tokenizer"]).contains {
        $0["type"]?.string == "Metaspace"
          && ($0["prepend_scheme"]?.string ?? "always") != "never"
          && $0["add_prefix_space"]?.bool != false
      }
  }
}
