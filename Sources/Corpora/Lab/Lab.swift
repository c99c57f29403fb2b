// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// Writes the laboratory languages as the folder that recipes read:
///
/// ```
/// lab.json                          settings, languages, sound laws, grammar, every word: the truth
/// text/<lang>.txt                   a sentence a line, an empty line between documents
/// tasks/labels.txt                  the labels, one a line
/// tasks/<lang>/{train,dev,test}.tsv index_id, category, text
/// parallel/<a>-<b>.tsv              sentence, translation
/// parallel/<a>-<b>.align            word pairs `i-j` from 0, one line a sentence pair (Pharaoh)
/// lexicons/<a>-<b>.tsv              word, word, kind
/// entities/<lang>.jsonl             {"id", "text", "entities": [{"start", "end", "type"}]}, in scalars
/// ```
public enum Lab {
  /// Makes the world of `settings` and writes it, the whole folder or nothing.
  ///
  /// Throws ``CorpusError``: settings out of range, a folder that exists (unless `replacing`, and
  /// then one that no laboratory wrote), or a refused write. `progress` is told what was written.
  @discardableResult
  public static func write(
    to directory: String, settings: LabSettings = LabSettings(), replacing: Bool = false,
    progress: ((_ file: String, _ byteCount: Int) -> Void)? = nil
  ) throws -> LabWorld {
    if replacing, FileManager.default.fileExists(atPath: directory) {
      guard isLab(directory) else { throw CorpusError.notALab(directory) }
      let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      let ours = ["entities", "lab.json", "lexicons", "parallel", "tasks", "text"]
      if let foreign = names.sorted().first(where: { !ours.contains($0) }) {
        throw CorpusError.foreignFile(foreign, inLab: directory)
      }
    }
    let world = try LabWorld(settings)
    try AtomicOutput.folder(at: directory, replacing: replacing) { folder in
      func write(_ name: String, _ lines: [String]) throws {
        let byteCount = lines.reduce(0) { $0 + $1.utf8.count + 1 }
        try AtomicOutput.member(name, of: folder, shownAs: directory) { sink in
          for line in lines {
            try sink.write(line)
            try sink.write("\n")
          }
        }
        progress?(name, byteCount)
      }
      for language in settings.languages where language.textBytes > 0 {
        let documents = try world.documents(in: language.code, byteCount: language.textBytes)
        try write(
          "text/\(language.code).txt",
          Array(documents.map(\.segments).joined(separator: [""])))
      }
      try write("tasks/labels.txt", world.labels)
      for code in world.languages.map(\.code) {
        for split in TaskSplit.allCases {
          let rows = try world.taskRows(split, in: code)
          try write(
            "tasks/\(code)/\(split.rawValue).tsv",
            ["index_id\tcategory\ttext"] + rows.map { "\($0.id)\t\($0.label)\t\($0.text)" })
        }
        let rows = try world.entityRows(in: code, count: settings.entityRows)
        try write("entities/\(code).jsonl", rows.map { $0.json.serialized() })
      }
      for (i, a) in world.languages.enumerated() {
        for b in world.languages[(i + 1)...] {
          let pairs = try world.parallelPairs(a.code, b.code, count: settings.parallelPairs)
          let name = "\(a.code)-\(b.code)"
          try write("parallel/\(name).tsv", pairs.map { "\($0.source)\t\($0.target)" })
          try write("parallel/\(name).align", pairs.map(\.pharaoh))
          try write(
            "lexicons/\(name).tsv",
            try world.lexiconEntries(a.code, b.code).map {
              "\($0.source)\t\($0.target)\t\($0.kind)"
            })
        }
      }
      try write("lab.json", [world.json.serialized(pretty: true)])
    }
    return world
  }

  /// What `lab.json` says it is.
  static let format = "koine-lab"

  /// Whether `write` made the folder: its `lab.json` says so.
  private static func isLab(_ directory: String) -> Bool {
    let path = (directory as NSString).appendingPathComponent("lab.json")
    guard let bytes = FileManager.default.contents(atPath: path),
      let truth = try? JSON.parse(bytes, origin: path)
    else { return false }
    return truth["format"]?.string == format
  }
}

extension AlignedPair {
  /// The alignment as `0-0 1-2 …`.
  public var pharaoh: String {
    alignment.map { "\($0.source)-\($0.target)" }.joined(separator: " ")
  }
}

extension EntityRow {
  var json: JSON {
    [
      "id": JSON(id), "text": JSON(text),
      "entities": JSON(
        entities.map { span in
          ["start": JSON(span.start), "end": JSON(span.end), "type": JSON(span.type)] as JSON
        }),
    ]
  }
}

extension LabWorld {
  /// The truth: settings, languages with their laws, grammar and affixes, and each meaning with its
  /// words.
  public var json: JSON {
    var root = JSONObject()
    root["format"] = JSON(Lab.format)
    root["version"] = 1
    root["settings"] = settings.json
    root["labels"] = JSON(labels.map { JSON($0) })
    root["languages"] = JSON(languages.map(\.json))
    root["concepts"] = JSON(
      lexicon.concepts.map { concept in
        var object = JSONObject()
        object["id"] = JSON(concept.id)
        object["part_of_speech"] = JSON(concept.partOfSpeech.rawValue)
        object["topic"] = concept.topic.map { JSON($0) } ?? .null
        object["is_label"] = JSON(lexicon.labels.contains(concept.id))
        object["proto"] = JSON(concept.proto)
        var words = JSONObject()
        for language in languages {
          let word = language.words[concept.id]
          words[language.code] = ["stem": JSON(word.stem), "origin": JSON(word.origin.rawValue)]
        }
        object["words"] = .object(words)
        return .object(object)
      })
    return .object(root)
  }
}

extension LabLanguage {
  var json: JSON {
    [
      "code": JSON(code), "name": JSON(name),
      "sound_laws": JSON(laws.map { JSON($0.notation) }),
      "grammar": [
        "order": JSON(grammar.order.rawValue),
        "adjective_first": JSON(grammar.hasAdjectiveFirst),
        "prepositions": JSON(grammar.hasPrepositions),
        "article": JSON(grammar.hasArticle),
        "adverb_first": JSON(grammar.hasAdverbFirst),
      ],
      "affixes": [
        "plural": JSON(affixes.plural), "accusative": JSON(affixes.accusative),
        "past": JSON(affixes.past), "article": JSON(affixes.article),
      ],
    ]
  }
}
