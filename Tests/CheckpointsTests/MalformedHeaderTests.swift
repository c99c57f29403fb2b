// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors
import Testing

@testable import Checkpoints

/// One test per way a header can lie.
@Suite struct MalformedHeaderTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// The three lines about a file of these bytes, its path shortened to its name.
  private func lines(_ bytes: [UInt8]) throws -> [String] {
    try folder.write(bytes, "x.safetensors")
    do {
      _ = try SafetensorsFile(folder.file("x.safetensors"))
      return ["no error"]
    } catch {
      #expect(error.diagnosis.kind == .malformedInput)
      let text = error.description.replacing(folder.path + "/", with: "")
      return text.split(separator: "\n").map(String.init)
    }
  }

  private func lines(_ header: String, data byteCount: Int = 0) throws -> [String] {
    try lines(safetensors(header, [UInt8](repeating: 0, count: byteCount)))
  }

  private static let incomplete = "The download is incomplete; fetch the file again."
  private static let damaged =
    "The file is damaged or was written by faulty software; fetch it again."
  private static let good = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#

  @Test func `a right file opens`() throws {
    #expect(try lines(Self.good, data: 8) == ["no error"])
    #expect(try lines("{}") == ["no error"])
  }

  @Test func `a file too short for a length`() throws {
    #expect(
      try lines([1, 0, 0]) == [
        "A safetensors file has at least 8 bytes, this one 3.", "x.safetensors", Self.incomplete,
      ])
    #expect(try lines([UInt8]()).first == "A safetensors file has at least 8 bytes, this one 0.")
  }

  @Test func `a header longer than the file`() throws {
    let bytes = safetensors(Self.good, [UInt8](repeating: 0, count: 8))
    #expect(
      try lines(Array(bytes.prefix(30))) == [
        "The header claims 54 bytes, the file holds 22 after its first 8.", "x.safetensors",
        Self.incomplete,
      ])
  }

  @Test func `a header longer than any`() throws {
    #expect(
      try lines([0, 0, 0, 0, 0, 0, 0, 0xFF, 0x7B]) == [
        "The header claims 18,374,686,479,671,623,680 bytes; at most 100,000,000 are allowed.",
        "x.safetensors", "This is probably not a safetensors file; check what it is.",
      ])
  }

  @Test func `a header that is not JSON`() throws {
    let found = try lines(#"{"a":"#)
    #expect(found.count == 3)
    #expect(found[0].hasPrefix("The header is not well-formed JSON: "))
    #expect(found[1].hasPrefix("x.safetensors, header byte "))
    #expect(found[2] == Self.damaged)
  }

  @Test func `a name that occurs twice`() throws {
    let entry = #"{"dtype":"F32","shape":[],"data_offsets":[0,4]}"#
    let found = try lines(#"{"a":\#(entry),"a":\#(entry)}"#, data: 4)
    #expect(found[0].contains("twice") || found[0].contains("duplicate"), "\(found[0])")
    #expect(found[0].contains("a"))
  }

  @Test func `a header that is no object`() throws {
    #expect(
      try lines("[1]") == [
        "The header should be a JSON object, found an array.", "x.safetensors", Self.damaged,
      ])
  }

  @Test func `metadata that are not texts`() throws {
    #expect(
      try lines(#"{"__metadata__":[]}"#)[0]
        == "`__metadata__` should be an object of texts, found an array.")
    #expect(
      try lines(#"{"__metadata__":{"format":1}}"#)[0]
        == "The metadata `format` should be a text, found a number.")
  }

  @Test func `an entry that is no object or has other keys`() throws {
    #expect(
      try lines(#"{"a":3}"#) == [
        "`a` should be an object with dtype, shape and data_offsets, found a number.",
        "x.safetensors, tensor `a`", Self.damaged,
      ])
    #expect(
      try lines(#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}}"#, data: 4)[0]
        == "`x` should be one of dtype, shape, data_offsets, found `x`.")
  }

  @Test(arguments: [
    (#"{"a":{"shape":[],"data_offsets":[0,4]}}"#, "`dtype` should be a text, found nothing."),
    (
      #"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#,
      "`shape` should be a list of whole numbers, found nothing."
    ),
    (
      #"{"a":{"dtype":"F32","shape":[]}}"#,
      "`data_offsets` should be two whole numbers, begin and end, found nothing."
    ),
    (
      #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0]}}"#,
      "`data_offsets` should be two whole numbers, begin and end, found 1 numbers."
    ),
    (
      #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
      "`shape` should be a list of whole numbers, found `-1`."
    ),
    (
      #"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#,
      "`shape` should be a list of whole numbers, found `1.5`."
    ),
    (
      #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,18446744073709551616]}}"#,
      "`data_offsets` should be two whole numbers, begin and end, found `18446744073709551616`."
    ),
  ])
  func `a value of the wrong kind`(header: String, what: String) throws {
    #expect(try lines(header, data: 4) == [what, "x.safetensors, tensor `a`", Self.damaged])
  }

  @Test func `an unknown type`() throws {
    let found = try lines(#"{"a":{"dtype":"BF17","shape":[],"data_offsets":[0,4]}}"#, data: 4)
    #expect(found[0].hasPrefix("The element type `BF17` is unknown; known: F64, F32, F16, BF16"))
    #expect(found[2].hasPrefix("Perhaps `BF16` was meant"))
  }

  @Test func `a shape beyond counting`() throws {
    let extents = "[4294967296,4294967296]"
    #expect(
      try lines(#"{"a":{"dtype":"F32","shape":\#(extents),"data_offsets":[0,0]}}"#)[0]
        == "The shape [4294967296, 4294967296] has more bytes than a machine can count.")
    #expect(
      try lines(#"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}"#)[0]
        == "The shape [4611686018427387904] has more bytes than a machine can count.")
  }

  @Test func `a shape that does not fit its bytes`() throws {
    #expect(
      try lines(#"{"a":{"dtype":"F16","shape":[3],"data_offsets":[0,8]}}"#, data: 8)[0]
        == "The shape [3] in F16 takes 6 bytes, data_offsets give it 8.")
  }

  @Test func `offsets that run backwards`() throws {
    #expect(
      try lines(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, data: 8)[0]
        == "data_offsets end at 0, before they begin at 8.")
  }

  @Test func `data that overlap`() throws {
    let header =
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
      + #""b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#
    #expect(
      try lines(header, data: 8) == [
        "The data begin at byte 4, inside those of `a`, which end at 8.",
        "x.safetensors, tensor `b`", Self.damaged,
      ])
  }

  @Test func `data with a hole`() throws {
    let header =
      #"{"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"#
      + #""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
    #expect(
      try lines(header, data: 12) == [
        "The data should begin at byte 4, they begin at 8.", "x.safetensors, tensor `b`",
        Self.damaged,
      ])
  }

  @Test func `data beyond the end of the file`() throws {
    #expect(
      try lines(Self.good, data: 7) == [
        "The data end at byte 8, the file's data at 7.", "x.safetensors, tensor `a`",
        Self.incomplete,
      ])
    let huge = #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[\#(Int.max),\#(Int.max)]}}"#
    #expect(try lines(huge, data: 7)[0].hasPrefix("The data end at byte 9,223,372,036,854,775,807"))
  }

  @Test func `data that no tensor claims`() throws {
    #expect(
      try lines(Self.good, data: 9) == [
        "The tensors take 8 bytes, the file holds 9 after the header.", "x.safetensors",
        Self.damaged,
      ])
  }

  @Test func `a file cut anywhere is an error`() throws {
    let whole = safetensors(Self.good, [UInt8](repeating: 0, count: 8))
    for length in 0..<whole.count { #expect(try lines(Array(whole.prefix(length))).count == 3) }
  }
}
