// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `BertProcessing`: `[CLS] A [SEP]`, and for a pair `[CLS] A [SEP] B [SEP]`.
struct BertProcessing: PostProcessor {
  static let typeName = "BertProcessing"
  let json: JSON
  private let start: Int32
  private let end: Int32

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    end = try reader.tokenAndID("sep")
    start = try reader.tokenAndID("cls")
    try reader.finish()
    self.json = json
  }

  var addedIDs: [Int32] { [start, end] }

  func process(_ first: [Int32], _ second: [Int32]?) -> [Int32] {
    [start] + first + [end] + (second.map { $0 + [end] } ?? [])
  }
}

/// `RobertaProcessing`: `<s> A </s>`, and for a pair `<s> A </s></s> B </s>`.
struct RobertaProcessing: PostProcessor {
  static let typeName = "RobertaProcessing"
  let json: JSON
  private let start: Int32
  private let end: Int32

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    end = try reader.tokenAndID("sep")
    start = try reader.tokenAndID("cls")
    try reader.allow(flags: ["trim_offsets", "add_prefix_space"])
    try reader.finish()
    self.json = json
  }

  var addedIDs: [Int32] { [start, end] }

  func process(_ first: [Int32], _ second: [Int32]?) -> [Int32] {
    [start] + first + [end] + (second.map { [end] + $0 + [end] } ?? [])
  }
}

extension ComponentReader {
  /// A pair of a token and its id; the id is what counts.
  fileprivate mutating func tokenAndID(_ key: String) throws(TokenizationError) -> Int32 {
    let parts = try array(key)
    guard parts.count == 2, parts[0].string != nil, let id = parts[1].int, id >= 0,
      id < Int(Int32.max)
    else {
      throw .wrongValue(
        path: "\(path).\(key)", expected: "a token and its id",
        found: JSON.array(parts).serialized(), origin: origin)
    }
    return Int32(id)
  }
}
