// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents
  import Foundation
  import Generation
  import Models
  import Recipes
  import Tokenization

  /// Prompts in a file.
  struct PromptFile {
    let path: String

    /// - Throws: `InputError.notUTF8`, `CorpusError.badRecord` for a line without a prompt.
    func prompts(byLine: Bool) throws -> [String] {
      let text: String
      if path == "-" {
        let bytes = try FileHandle.standardInput.readToEnd() ?? Data()
        guard let read = String(validating: bytes, as: UTF8.self) else {
          throw InputError.notUTF8("stdin")
        }
        text = read
      } else {
        text = try Disk.readText(path)
      }
      guard path.hasSuffix(".jsonl") || byLine else { return [text] }
      var prompts: [String] = []
      // By bytes, for as characters a line end of two bytes is one, and no "\n".
      let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      for (index, bytes) in lines.enumerated() {
        let end = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
        let line = Substring(end)
        guard !line.allSatisfy(\.isWhitespace) else { continue }
        guard path.hasSuffix(".jsonl") else {
          prompts.append(String(line))
          continue
        }
        func bad(_ problem: String) -> CorpusError {
          .badRecord(path, line: index + 1, problem: problem, member: "prompt")
        }
        let record: JSON
        do {
          record = try JSON.parse(String(line), origin: path)
        } catch .syntax(_, let position, let reason) {
          throw bad("\(reason) (\(position))")
        } catch {
          throw bad("it is not JSON")
        }
        guard let prompt = record["prompt"]?.string else {
          throw bad("it has no member `prompt` that is a string")
        }
        prompts.append(prompt)
      }
      guard !prompts.isEmpty else {
        throw CorpusError.emptyCorpus(path, reason: "no line with a prompt")
      }
      return prompts
    }
  }

  /// `koine generate --json`.
  enum GenerationReport {
    static func json(
      model: String, prompts: [String], answers: [GeneratedText], options: TextOptions,
      language: LanguageOptions, tokenizer: Tokenizer
    ) -> JSON {
      let answers = zip(prompts, answers).map { prompt, answer -> JSON in
        [
          "prompt": JSON(prompt), "prompt_tokens": JSON(answer.promptTokenCount),
          "text": JSON(answer.text), "finish": JSON(answer.finish.rawValue),
          "retries": JSON(answer.retryCount),
          "tokens": JSON(answer.tokens.map { token($0, tokenizer) }),
        ]
      }
      return [
        "schema": 1, "model": JSON(model), "options": Self.options(options, language),
        "answers": JSON(answers),
      ]
    }

    private static func token(_ token: GeneratedToken, _ tokenizer: Tokenizer) -> JSON {
      func name(_ id: Int32) -> JSON {
        tokenizer.tokens.indices.contains(Int(id)) ? JSON(tokenizer.tokens[Int(id)]) : nil
      }
      var json: JSON = ["id": JSON(Int(token.id)), "token": name(token.id)]
      if let logProbability = token.logProbability {
        json["logprob"] = JSON(logProbability)
        json["top"] = JSON(
          token.likeliest.map {
            ["id": JSON(Int($0.id)), "token": name($0.id), "logprob": JSON($0.logProbability)]
          })
      }
      return json
    }

    private static func options(_ options: TextOptions, _ language: LanguageOptions) -> JSON {
      let generation = options.generation
      var json: JSON = [
        "max_tokens": JSON(generation.maximumTokens),
        "min_tokens": JSON(generation.minimumTokens),
        "temperature": JSON(generation.temperature),
        "top_k": generation.topK.map { JSON($0) } ?? nil,
        "top_p": generation.topP.map { JSON($0) } ?? nil,
        "min_p": generation.minP.map { JSON($0) } ?? nil,
        "repetition_penalty": JSON(generation.repetitionPenalty),
        "frequency_penalty": JSON(generation.frequencyPenalty),
        "presence_penalty": JSON(generation.presencePenalty),
        "seed": .number(JSONNumber(validated: "\(generation.seed)")),
        "stop_ids": JSON(generation.stopIDs.sorted().map { JSON(Int($0)) }),
        "stop": JSON(options.stopTexts.map { JSON($0) }),
      ]
      for (key, value) in language.json(options.language).object?.members ?? [] {
        json[key] = value
      }
      return json
    }
  }

  /// A model's text on somebody's screen.
  enum SafeText {
    /// Line feeds and tabs stay; other control characters and changes of direction, which could
    /// repaint the screen or the text's meaning, become U+FFFD.
    static func forTerminal(_ text: String) -> String {
      var result = String.UnicodeScalarView()
      for scalar in text.unicodeScalars {
        switch scalar.value {
        case 0x09, 0x0A: result.append(scalar)
        case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: result.append("\u{FFFD}")
        default: result.append(scalar)
        }
      }
      return String(result)
    }
  }
#endif
