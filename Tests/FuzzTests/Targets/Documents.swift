// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension FuzzTarget {
  static let documents = [
    FuzzTarget(name: "json", usualCount: 10_000, parts: ["json"]) { seed in
      (
        FuzzMutator(seeds: jsonTexts.map { [Array($0.utf8)] }, tokens: jsonTokens, seed: seed),
        { try readJSON($0[0]) }
      )
    },
    FuzzTarget(name: "yaml", usualCount: 1_500, parts: ["yaml"]) { seed in
      (
        FuzzMutator(
          seeds: (yamlTexts + recipeTexts).map { [Array($0.utf8)] }, tokens: yamlTokens, seed: seed),
        { try readYAML($0[0]) }
      )
    },
  ]

  // MARK: JSON

  static let jsonTokens = [
    "{", "}", "[", "]", "\"", "\\", "\\u", "\\ud800", "\\ud83d\\ude00", ",", ":", "null", "true",
    "false", "-", "e+", "\u{212B}", "\0", "\"a\":", "1e999", "\\\"", " ",
  ]

  private static let jsonTexts = [
    #"{"a":[1,-2.5e-3,true,null,"x\n\u00e9\ud83d\ude00"],"b":{"c":{},"d":[[]],"Å":"ð"},"e":1e9}"#,
    """
    {
      "architectures": ["LlamaForCausalLM"],
      "hidden_size": 2048, "rope_scaling": {"factor": 32.0, "rope_type": "llama3"},
      "rms_norm_eps": 1e-05, "tie_word_embeddings": true, "eos_token_id": [128001, 128008]
    }
    """,
    #"[[[[0]]],"",{"":{"":""}},12345678901234567890,0.1e-7,-0]"#,
    "  \"\\u0000\\/\\b\\f\\t\"  ",
  ]

  /// Reads, writes and reads again: the value must stay the same, and every question to a number an
  /// answer.
  private static func readJSON(_ bytes: [UInt8]) throws {
    let value = try JSON.parse(bytes, origin: "x.json")
    for pretty in [false, true] {
      let text = value.serialized(pretty: pretty)
      guard try JSON.parse(text, origin: "x.json") == value else {
        throw FuzzViolation("another value after writing: \(text)")
      }
    }
    try visit(value)
  }

  private static func visit(_ value: JSON) throws {
    switch value {
    case .number(let number):
      if let whole = number.int, number.double != Double(whole) {
        throw FuzzViolation("\(number.text) is \(whole) and \(number.double)")
      }
      _ = value.double
    case .array(let elements): for element in elements { try visit(element) }
    case .object(let object):
      for (key, member) in object.members {
        guard let found = value[key], found == member else {
          throw FuzzViolation("the member \(key) is not found by its key")
        }
        try visit(member)
      }
    case .null, .bool, .string: break
    }
  }

  // MARK: YAML

  static let yamlTokens = [
    "*m", "&m ", "? ", ": ", "- ", "{", "}", "[", "]", "\n", "\n  ", "\"", "'", "|", ">", "---\n",
    "...\n", "!!x ", "!!str ", "!", "%", "#", "\t", "\r", "\u{FEFF}", "\u{212B}", "<<: *m\n",
    "*m : ",
    "\\", "\u{85}", "[*m ]: ", "|2+\n", ">-\n", "\"\\U000F", "\\x", "~", ".inf", "0x1F", "@", "`",
    ", ",
  ]

  private static let yamlTexts = [
    """
    # ð
    models: &m
      - model: base  # x
        weight: [0.5, .5, 1_000]
      - {model: 'ct', "weight": "\\u00e9", Å: ~}
    use: *m
    text: |
      one *
        two
    fold: >-
      a
    ? key
    : !!str 5

    """,
    """
    {"model_types": ["llama"], "deep": [[[{"a": [1, 2.5, null]}]]], "text": "a\\nb"}
    """,
    """
    a: &a [1, 2]
    b: &b [*a, *a]
    c: {x: *b, y: *b}
    d: "two
      lines"
    e: !!str |2-
        kept

    """,
  ]

  private static func readYAML(_ bytes: [UInt8]) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    do {
      let node = try YAML.parse(text, origin: "x.yaml")
      guard node == (try YAML.parse(text, origin: "x.yaml")) else {
        throw FuzzViolation("another value at the second reading")
      }
      let json = node.json
      guard try JSON.parse(json.serialized(), origin: "x.yaml") == json else {
        throw FuzzViolation("another value after writing as JSON")
      }
    } catch let error as DocumentError {
      if case .syntax(_, let position, _) = error {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).count
        guard let line = Int(position.drop { !$0.isNumber }), (1...lines + 1).contains(line) else {
          throw FuzzViolation("the position \(position) of \(lines) lines")
        }
      }
      throw error
    }
  }
}
