// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tokenization

/// The tokens of several tokenizers together.
///
/// The base's tokens keep their ids, and its merges their ranks. Tokens that it lacks follow, donor
/// by donor in the recipe's order, each donor's by id: added ones with their settings, ordinary ones
/// of byte-level BPE with the merges that make them, in the donor's order. A text none of whose
/// pieces can be merged further by the new rules is therefore divided as before.
///
/// mergekit instead appends ordinary tokens as added ones, which are cut out of the text before BPE:
/// those with a space or a letter beyond ASCII are never found, and the rest tear base words apart.
enum TokenizerUnion {
  /// A tokenizer that contributes; ids from `limit` on are beyond its model's rows.
  struct Donor {
    let name: String
    let document: TokenizerDocument
    let limit: Int
  }

  /// - Parameter samples: texts that must be divided as the base does.
  /// - Throws: ``MergeError`` where ordinary tokens cannot be soundly combined, with the reason.
  static func make(
    _ base: TokenizerDocument, _ donors: [Donor], samples: [String],
    notes: inout MergePlanner.Notes
  ) throws(MergeError) -> TokenizerDocument {
    var result = base
    var newTokens: [String] = []
    for donor in donors {
      let missing = donor.document.entries.filter {
        $0.id < donor.limit && result.id(of: $0.text) == nil
      }
      let ordinary = missing.filter { $0.added == nil }.map(\.text)
      if !ordinary.isEmpty {
        try checkCompatible(base, donor, ordinary[0])
        var isNew = JSONObject()
        for token in ordinary { isNew[token] = true }
        let known = result
        let merges = donor.document.merges.filter { left, right in
          isNew[left + right] != nil
            && [left, right].allSatisfy { known.id(of: $0) != nil || isNew[$0] != nil }
        }
        result = result.adding(model: ordinary, merges: merges)
        newTokens += ordinary
      }
      result = result.adding(missing.compactMap(\.added))
    }
    if !newTokens.isEmpty {
      try verify(base, result, newTokens, samples, &notes)
    }
    return result
  }

  private static func refusal(_ donor: Donor, _ what: String) -> MergeError {
    .operation(
      Diagnosis(
        what: "A union with the tokenizer of \(donor.name) is not sound: \(what).",
        where: donor.document.origin,
        next: "Name one tokenizer as `source`; only byte-level BPE tokenizers that divide words "
          + "alike can be united."))
  }

  /// Ordinary tokens can be combined where both tokenizers cut texts into the same words and then
  /// merge bytes.
  private static func checkCompatible(
    _ base: TokenizerDocument, _ donor: Donor, _ token: String
  ) throws(MergeError) {
    for document in [base, donor.document] {
      guard document.kind == "BPE" else {
        throw refusal(
          donor,
          "\(document.origin) is of the kind \(document.kind), and `\(token)` "
            + "has no merges that make it")
      }
      guard document.isByteLevel else {
        throw refusal(donor, "\(document.origin) does not work on bytes")
      }
    }
    for key in ["normalizer", "pre_tokenizer"] {
      let pair = try [base, donor.document].map { (document) throws(MergeError) in
        try tokenizer(document).json[key] ?? .null
      }
      guard pair[0] == pair[1] else {
        throw refusal(donor, "its `\(key)` differs from the base's, so texts fall into other words")
      }
    }
    for key in ["ignore_merges", "unk_token", "fuse_unk"] {
      let pair = [base, donor.document].map { document -> JSON in
        let value = document.json["model"]?[key] ?? .null
        return value.bool == false ? .null : value
      }
      guard pair[0] == pair[1] else {
        throw refusal(donor, "its `model.\(key)` differs from the base's")
      }
    }
  }

  private static func tokenizer(_ document: TokenizerDocument) throws(MergeError) -> Tokenizer {
    do throws(TokenizationError) {
      return try Tokenizer(json: document.json, origin: document.origin)
    } catch {
      throw .operation(error.diagnosis)
    }
  }

  /// Encodes the samples with both, and every new token with the result.
  private static func verify(
    _ base: TokenizerDocument, _ result: TokenizerDocument, _ new: [String], _ samples: [String],
    _ notes: inout MergePlanner.Notes
  ) throws(MergeError) {
    let (before, after) = (try tokenizer(base), try tokenizer(result))
    for sample in samples {
      // Base ids are kept, so that equal ids are equal tokens.
      guard before.encode(sample) == after.encode(sample) else {
        let start = String(sample.prefix(60))
        throw .operation(
          Diagnosis(
            what: "The union of the vocabularies divides the sample text `\(start)` otherwise than "
              + "the base does.",
            where: result.origin,
            next: "Give a sample of the base's language that the new tokens should not touch, or "
              + "name one tokenizer as `source`."))
      }
    }
    if samples.isEmpty {
      notes.add(
        "The union adds \(new.count) ordinary tokens with their merges after the base's; texts to "
          + "which these merges apply are divided anew. No sample text was given to show that the "
          + "base's language is not.")
    }
    var dead = 0
    for token in new {
      guard let id = after.id(of: token) else { continue }
      let text = after.decode([id], skipSpecialTokens: false)
      // Part of a character cannot be written alone, and is found inside texts only.
      if text.unicodeScalars.contains("\u{FFFD}") { continue }
      if after.encode(text) != [id] { dead += 1 }
    }
    if dead > 0 {
      notes.add(
        "\(dead) of the \(new.count) new tokens do not come out when their own text is encoded: the "
          + "base's merges, which come first, divide it otherwise.")
    }
  }
}

extension TokenizerDocument {
  /// Whether words are written in the 256 characters that stand for bytes.
  var isByteLevel: Bool {
    func has(_ stage: JSON?) -> Bool {
      stage?["type"]?.string == "ByteLevel"
        || (stage?["pretokenizers"]?.array ?? []).contains { has($0) }
    }
    return has(json["pre_tokenizer"]) && json["model"]?["byte_fallback"]?.bool != true
  }
}
