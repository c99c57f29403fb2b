// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// How pairs of segments, a text and its translation, become documents: the section `parallel` of a
/// text.
///
///     parallel:
///       files: [eng-fao.tsv.gz]
///       form: interlinear
///       order: both
public struct ParallelSettings: Equatable, Sendable {
  /// How a document is laid out.
  public enum Form: String, CaseIterable, Sendable {
    /// All of one side, then all of the other.
    case bilingual
    /// Segment by segment: s₁ t₁ s₂ t₂ …
    case interlinear
  }

  /// Which side comes first.
  public enum Order: String, CaseIterable, Sendable {
    /// Two documents of each block, one an order: a model learns only the directions it sees.
    case both
    /// The source side first.
    case forward
    /// The target side first.
    case backward
    /// One document of each block, its order drawn by the seed.
    case random
  }

  /// Where the pairs stand.
  public enum Files: Equatable, Sendable {
    /// Files that hold both sides: tables, JSONL, Parquet.
    case joint([String])
    /// Files of lines that are aligned one to one, each source file with its target file.
    case aligned(source: [String], target: [String])
  }

  public var files: Files
  /// The two sides of joint files: names of columns or members. Of .tsv and .csv also numbers of
  /// columns from 1; then the file has no header.
  public var sourceField = "1"
  public var targetField = "2"
  public var form = Form.bilingual
  public var order = Order.both
  /// Pairs a document has at most. Documents also end at an empty pair.
  public var pairsPerDocument = 16
  /// Written before each segment (interlinear) or side (bilingual) of a language, such as `<eng> `.
  public var sourceTag = ""
  public var targetTag = ""
  /// A line between the two sides of a bilingual document; empty for none.
  public var separator = ""
  public var seed: UInt64 = 0

  /// Settings with the defaults.
  public init(files: Files) { self.files = files }

  /// Reads the section. Does not call `finish`.
  public init(_ settings: inout Settings) throws(DocumentError) {
    let joint = try settings.strings("files")
    let source = try settings.strings("source_files")
    let target = try settings.strings("target_files")
    if joint.isEmpty {
      guard !source.isEmpty else {
        throw settings.wrong(
          "files", expected: "files with both sides, or `source_files` and `target_files`",
          found: "none")
      }
      guard source.count == target.count else {
        throw settings.wrong(
          "target_files", expected: "\(source.count) files, one for each of `source_files`",
          found: "\(target.count)")
      }
      files = .aligned(source: source, target: target)
    } else {
      guard source.isEmpty, target.isEmpty else {
        throw settings.wrong(
          "files", expected: "no `source_files` and `target_files` beside it", found: "both")
      }
      files = .joint(joint)
    }
    sourceField = try settings.string("source_field", default: sourceField)
    targetField = try settings.string("target_field", default: targetField)
    let formName = try settings.choice(
      "form", default: form.rawValue, of: Form.allCases.map(\.rawValue))
    form = Form(rawValue: formName) ?? form
    let orderName = try settings.choice(
      "order", default: order.rawValue, of: Order.allCases.map(\.rawValue))
    order = Order(rawValue: orderName) ?? order
    pairsPerDocument = try settings.int(
      "pairs_per_document", default: pairsPerDocument, in: 1...1_000_000)
    sourceTag = try settings.string("source_tag", default: "")
    targetTag = try settings.string("target_tag", default: "")
    separator = try settings.string("separator", default: "")
    for (key, value) in [
      ("source_tag", sourceTag), ("target_tag", targetTag), ("separator", separator),
    ] where value.contains(where: \.isNewline) {
      throw settings.wrong(key, expected: "a text of one line", found: "several")
    }
    seed = UInt64(try settings.int("seed", default: 0, in: 0...Int.max))
  }

  /// What decides the documents besides the bytes of the files.
  public var identity: JSON {
    [
      "schema": 1, "source_field": JSON(sourceField), "target_field": JSON(targetField),
      "form": JSON(form.rawValue), "order": JSON(order.rawValue),
      "pairs_per_document": JSON(pairsPerDocument), "source_tag": JSON(sourceTag),
      "target_tag": JSON(targetTag), "separator": JSON(separator), "seed": JSON(String(seed)),
    ]
  }

  /// All files, sources before targets, for hashes.
  public var allFiles: [String] {
    switch files {
    case .joint(let files): files
    case .aligned(let source, let target): source + target
    }
  }
}
