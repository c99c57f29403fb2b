// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Templates
import Tokenization

extension ExampleSet {
  /// Reads and encodes a set of examples.
  ///
  /// - Parameters:
  ///   - name: the key it stands under.
  ///   - templates: the model's own chat templates.
  ///   - windowLength: T; no example is longer than T + 1 tokens.
  ///   - folder: where relative names of files begin.
  ///   - shouldStop: asked for each row.
  /// - Throws: ``CorpusError``, `TemplateError`, and `CancellationError` when stopped.
  public init(
    _ settings: ExampleSettings, name: String, tokenizer: Tokenizer, templates: ChatTemplates,
    windowLength: Int, endOfText: Int32, relativeTo folder: String? = nil,
    shouldStop: () -> Bool = { false }
  ) throws {
    let files = try CorpusFiles.expand(settings.files, relativeTo: folder)
    let reader = ExampleReader(files: files, kind: settings.kind)
    var encoder: ExampleEncoder?
    var report = ExampleReport()
    var examples: [EncodedExample] = []
    while let row = try reader.next() {
      if shouldStop() { throw CancellationError() }
      if settings.maxExamples > 0, examples.count >= settings.maxExamples { break }
      if encoder == nil {
        encoder = ExampleEncoder(
          settings, tokenizer: tokenizer,
          template: try Self.template(settings.chatTemplate, row, templates),
          windowLength: windowLength, endOfText: endOfText)
      }
      report.records += 1
      switch try encoder?.encode(row) {
      case .examples(let made, let isTruncated):
        if isTruncated { report.truncated += 1 }
        examples += made
      case .overLong: report.droppedOverLong += 1
      case .untrained: report.droppedUntrained += 1
      case nil: break
      }
    }
    guard !examples.isEmpty else {
      let dropped = report.droppedOverLong + report.droppedUntrained
      throw CorpusError.emptyCorpus(
        name,
        reason: dropped == 0
          ? "no rows"
          : "of \(report.records) rows \(report.droppedOverLong) were too long and "
            + "\(report.droppedUntrained) had nothing to train")
    }
    report.examples = examples.count
    for example in examples {
      report.tokens += example.tokens.count
      report.trainedTokens += example.trainedCount
      report.bytes += example.byteCount
    }
    self.init(
      name: name, examples: examples, report: report, packing: settings.packing,
      packingBuffer: settings.packingBuffer)
  }

  /// The template for rows of a kind, by the setting's name.
  private static func template(
    _ name: String, _ row: ExampleRow, _ templates: ChatTemplates
  ) throws -> ChatTemplate? {
    switch name {
    case "none": return nil
    case "auto":
      guard case .messages = row.content else { return nil }
      return try templates.template()
    case "default": return try templates.template()
    default:
      if templates.names.contains(name) { return try templates.template(named: name) }
      guard let text = KnownTemplates.text(name) else {
        throw CorpusError.unknownSource(
          name, place: "chat_template", known: templates.names + KnownTemplates.names)
      }
      return ChatTemplate(
        try JinjaTemplate(text, name: "chat template `\(name)`"),
        specialTokens: templates.specialTokens)
    }
  }
}
