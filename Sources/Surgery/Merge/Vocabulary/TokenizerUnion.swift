// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tokenization

/// The tokens of several tokenizers together.
///
/// The base's tokens keep their ids, and its merges their ranks. Tokens that it lacks follow, donor
/// by donor in the recipe's order, each donor's by id: added ones with their settings, ordinary ones
/// of byte-level BPE with the merges that make them, in the donor's order. A text is divided
/// otherwise than by the base only where a new token comes out; given samples of the texts the base
/// is for, the new tokens that come out in them are left out again, until none does.
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

  /// - Parameter samples: texts that are divided as the base does.
  /// - Throws: ``MergeError`` where ordinary tokens cannot be soundly combined, with the reason.
  static func make(
    _ base: TokenizerDocument, _ donors: [Donor], samples: [String],
    notes: inout MergePlanner.Notes
  ) throws(MergeError) -> TokenizerDocument {
    var known: [[Int32]]?
    var leftOut = JSONObject()
    while true {
      let (result, new) = try united(base, donors, without: leftOut)
      if new.isEmpty { return result }
      let after = try tokenizer(result)
      if known == nil {
        let before = try tokenizer(base)
        known = samples.map { before.encode($0) }
      }
      // Only tokens of the model can be left out; an added one tears every text it stands in.
      let removable = Set(new.compactMap { after.id(of: $0) })
      var found: Set<Int32> = []
      for (sample, expected) in zip(samples, known ?? []) {
        let ids = after.encode(sample)
        // Base ids are kept, so that equal ids are equal tokens.
        if ids == expected { continue }
        let offenders = removable.intersection(ids)
        guard !offenders.isEmpty else { throw divided(sample, result) }
        found.formUnion(offenders)
      }
      if found.isEmpty {
        note(new, leftOut: leftOut.members.count, hasSamples: !samples.isEmpty, after, &notes)
        return result
      }
      for token in new where after.id(of: token).map(found.contains) ?? false {
        leftOut[token] = true
      }
    }
  }

  /// The union without some of the donors' tokens, and the ordinary tokens it adds.
  private static func united(
    _ base: TokenizerDocument, _ donors: [Donor], without leftOut: JSONObject
  ) throws(MergeError) -> (TokenizerDocument, new: [String]) {
    var result = base
    var newTokens: [String] = []
    for donor in donors {
      let missing = donor.document.entries.filter {
        $0.id < donor.limit && result.id(of: $0.text) == nil && leftOut[$0.text] == nil
      }
      var ordinary = missing.filter { $0.added == nil }.map(\.text)
      if !ordinary.isEmpty {
        try checkCompatible(base, donor, ordinary[0])
        let merges = merges(of: donor.document, making: &ordinary, beside: result)
        result = result.adding(model: ordinary, merges: merges)
        newTokens += ordinary
      }
      result = result.adding(missing.compactMap(\.added))
    }
    return (result, newTokens)
  }

  /// The merges of a donor that make the tokens; those that no merge makes any more are taken out.
  private static func merges(
    of donor: TokenizerDocument, making tokens: inout [String], beside known: TokenizerDocument
  ) -> [(left: String, right: String)] {
    // With this flag whole words are found without merges.
    let needsMerges = donor.json["model"]?["ignore_merges"]?.bool != true
    let had = Set(donor.merges.map { Array(($0.left + $0.right).utf8) })
    while true {
      var isNew = JSONObject()
      for token in tokens { isNew[token] = true }
      let merges = donor.merges.filter { left, right in
        isNew[left + right] != nil
          && [left, right].allSatisfy { known.id(of: $0) != nil || isNew[$0] != nil }
      }
      let made = Set(merges.map { Array(($0.left + $0.right).utf8) })
      let count = tokens.count
      if needsMerges {
        tokens.removeAll { had.contains(Array($0.utf8)) && !made.contains(Array($0.utf8)) }
      }
      if tokens.count == count { return merges }
    }
  }

  private static func divided(_ sample: String, _ result: TokenizerDocument) -> MergeError {
    let start = String(sample.prefix(60))
    return .operation(
      Diagnosis(
        what: "The union of the vocabularies divides the sample text `\(start)` otherwise than the "
          + "base does, by tokens that are searched before all others.",
        where: result.origin,
        next:
          "Name one tokenizer as `source`, or take those tokens from the donor's `added_tokens`."
      ))
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
      // What is put around a text has no part in how it is divided.
      var json = document.json
      json["post_processor"] = .null
      return try Tokenizer(json: json, origin: document.origin)
    } catch {
      throw .operation(error.diagnosis)
    }
  }

  /// What there is to know of the new tokens.
  private static func note(
    _ new: [String], leftOut: Int, hasSamples: Bool, _ union: Tokenizer,
    _ notes: inout MergePlanner.Notes
  ) {
    if hasSamples {
      notes.add(
        "The union adds \(new.count) ordinary tokens; \(leftOut) of the donors' were left out, so "
          + "that the sample text is divided as by the base.")
    } else {
      notes.add(
        "The union adds \(new.count) ordinary tokens with their merges after the base's; texts to "
          + "which these merges apply are divided anew. With sample text of the base's languages "
          + "(`--sample-text`) those that would touch it are left out.")
    }
    var dead = 0
    for token in new {
      guard let id = union.id(of: token) else { continue }
      let text = union.decode([id], skipSpecialTokens: false)
      // Part of a character cannot be written alone, and is found inside texts only.
      if text.unicodeScalars.contains("\u{FFFD}") { continue }
      if union.encode(text) != [id] { dead += 1 }
    }
    if dead > 0 {
      notes.add(
        "\(dead) of the \(new.count) new tokens do not come out when their own text is encoded: "
          + "the merges before theirs divide it otherwise.")
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
