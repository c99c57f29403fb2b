// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents
  import Tokenization

  /// Supervised rows as ids with weights.
  enum TrainExamples {
    /// Encodes a set of prompts with completions, or of texts.
    static func encode(
      _ name: String, _ settings: ExampleSettings, _ tokenizer: Tokenizer, _ end: Int32,
      windowLength: Int, folder: String
    ) throws -> ExampleSet {
      let files = try CorpusFiles.expand(
        settings.files, relativeTo: folder.isEmpty ? nil : folder)
      let reader = ExampleReader(files: files, kind: ExampleKind(rawValue: settings.kind.rawValue))
      var examples: [EncodedExample] = []
      var report = ExampleReport()
      let opening = tokenizer.bosID ?? end
      while let row = try reader.next() {
        if settings.maxExamples > 0, report.records == settings.maxExamples { break }
        report.records += 1
        var (prompt, answer, bytes): ([Int32], [Int32], Int)
        switch row.content {
        case .promptCompletion(let question, let completion):
          let context = tokenizer.encode(question)
          prompt = [opening] + context
          answer = Array(tokenizer.encode(completion))
          bytes = question.utf8.count + completion.utf8.count
        case .text(let text):
          prompt = [opening]
          answer = tokenizer.encode(text)
          bytes = text.utf8.count
        case .messages:
          throw CorpusError.badExample(
            row.file, line: row.line, problem: "conversations cannot be trained on yet")
        }
        answer.append(end)
        let room = windowLength + 1 - answer.count
        guard room >= 1 else {
          guard settings.overLong != .error else {
            throw CorpusError.answerTooLong(
              example: report.records - 1, tokenCount: answer.count, windowLength: windowLength)
          }
          report.droppedOverLong += 1
          continue
        }
        if prompt.count > room {
          prompt = [opening] + prompt.suffix(room - 1)
          report.truncated += 1
        }
        examples.append(
          EncodedExample(
            tokens: prompt + answer,
            weights: [Float](repeating: Float(settings.promptWeight), count: prompt.count)
              + [Float](repeating: 1, count: answer.count), byteCount: bytes))
        report.tokens += prompt.count + answer.count
        report.trainedTokens += answer.count
        report.bytes += bytes
      }
      report.examples = examples.count
      return ExampleSet(
        name: name, examples: examples, report: report, packing: settings.packing,
        packingBuffer: settings.packingBuffer)
    }
  }
#endif
