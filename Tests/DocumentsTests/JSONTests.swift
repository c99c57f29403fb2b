// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Documents

struct JSONTests {
  private func parse(_ text: String) throws -> JSON { try JSON.parse(text, origin: "x.json") }

  @Test func `order of keys and text of numbers survive a round trip`() throws {
    let text =
      #"{"z":1.0,"a":1e-05,"m":[-0,0.10,1E+2,12345678901234567890123],"b":{"y":{},"x":[]}}"#
    #expect(try parse(text).serialized() == text)
    #expect(try parse(" \t\r\n\(text)\n").serialized() == text)
  }

  @Test func `pretty text is indented by two and parses back to an equal value`() throws {
    let value: JSON = ["b": [1, 2.5, true, nil], "a": ["x": "ð", "e": [:]], "l": []]
    #expect(
      value.serialized(pretty: true) == """
        {
          "b": [
            1,
            2.5,
            true,
            null
          ],
          "a": {
            "x": "ð",
            "e": {}
          },
          "l": []
        }
        """)
    #expect(try parse(value.serialized(pretty: true)) == value)
  }

  @Test func `sorted keys stand in the order of their bytes at every level`() throws {
    let value: JSON = [
      "b": 1, "ä": 2, "B": 3, "a": ["d": 4, "c": 5], "": 6, "aa": 7, "😀": 8, "\u{FFFD}": 9,
    ]
    #expect(
      value.serialized(sortedKeys: true)
        == "{\"\":6,\"B\":3,\"a\":{\"c\":5,\"d\":4},\"aa\":7,\"b\":1,\"ä\":2,\"\u{FFFD}\":9,\"😀\":8}"
    )
  }

  @Test func `every escape is read`() throws {
    let text = #""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00\u0000""#
    #expect(try parse(text) == "\"\\/\u{8}\u{C}\n\r\tAé€😀\0")
  }

  @Test(
    arguments: [
      (#""\ud800""#, 1), (#""\udc00x""#, 1), (#""a\ud800\n""#, 2), (#""\ud800\u0041""#, 1),
      (#""\ud83d\ud83d\ude00""#, 1), (#""\udbff\udbff""#, 1),
    ])
  func `half of a surrogate pair is no character`(text: String, byte: Int) {
    #expect(
      throws: DocumentError.syntax(
        origin: "test.json", position: "byte \(byte)",
        problem: "half of a surrogate pair, which is no character")
    ) { try JSON.parse(text, origin: "test.json") }
  }

  @Test func `strings with every control character and any scalar survive a round trip`() throws {
    var text = String(
      String.UnicodeScalarView((0..<0x300).compactMap { Unicode.Scalar(UInt32($0)) }))
    text += "\u{2028}\u{FEFF}\u{FFFF}\u{10FFFF}A\u{30A}\u{212B}"
    #expect(try parse(JSON(text).serialized()) == .string(text))
    #expect(JSON("\u{1}\u{1F}\u{7F}\n\"\\/").serialized() == #""\u0001\u001f\u007f\n\"\\/""#)
  }

  @Test func `numbers are whole by value, not by spelling`() throws {
    let cases: [(String, Int?)] = [
      ("0", 0), ("-0", 0), ("-0.0", 0), ("3", 3), ("3.0", 3), ("0.3e1", 3), ("300e-2", 3),
      ("1E3", 1000),
      ("-1.5e1", -15), ("9223372036854775807", .max), ("-9223372036854775808", .min),
      ("9223372036854775807.0", .max), ("9007199254740993.0", 9_007_199_254_740_993),
      ("0e99999999999999999999", 0), ("9223372036854775808", nil), ("1.5", nil), ("1e19", nil),
      ("1.00000000000000000001", nil), ("1e999", nil), ("1e-999", nil),
      ("1e99999999999999999999", nil),
      ("1e-9223372036854775808", nil), ("1.0e-9223372036854775808", nil),
      ("1e9223372036854775807", nil),
    ]
    for (text, expected) in cases { #expect(try parse(text).int == expected, "\(text)") }
  }

  @Test func `a number beyond the range of Double keeps its text and is no double`() throws {
    let value = try parse("[1e999,-1e999,1e-999,1e308,0.1]")
    #expect(value.serialized() == "[1e999,-1e999,1e-999,1e308,0.1]")
    #expect(value.array?.map(\.double) == [nil, nil, 0, 1e308, 0.1])
  }

  @Test func `doubles are written so that they read back as the same value`() throws {
    for value in [
      0.1, 1, -0.0, Double.leastNonzeroMagnitude, 1.7976931348623157e308, 1e16, 123456.789, 1e-7,
    ] {
      #expect(try parse(JSON(value).serialized()).double?.bitPattern == value.bitPattern)
    }
    #expect(JSON(1.0).serialized() == "1.0")
    #expect(JSON(Double.nan) == .null)
  }

  @Test func `accessors give nothing for another kind`() {
    let value: JSON = ["s": "t", "i": 1, "d": 1.5, "b": true, "a": [1], "n": nil]
    #expect(value["s"]?.string == "t" && value["s"]?.int == nil && value["s"]?["x"] == nil)
    #expect(value["i"]?.int == 1 && value["i"]?.double == 1 && value["i"]?.bool == nil)
    #expect(value["d"]?.double == 1.5 && value["d"]?.int == nil && value["d"]?.string == nil)
    #expect(value["b"]?.bool == true && value["b"]?.array == nil && value["a"]?.array == [1])
    #expect(value["n"]?.isNull == true && value["x"] == nil && value["a"]?.object == nil)
  }

  @Test func `setting a member replaces in place, appends, removes, and makes objects`() {
    var value: JSON = ["a": 1, "b": 2, "c": 3]
    value["b"] = "x"
    value["d"] = 4
    value["a"] = nil
    value["zz"] = nil
    #expect(value.serialized() == #"{"b":"x","c":3,"d":4}"#)
    value["c"]?["deep"] = true
    #expect(value["c"] == ["deep": true])
    var scalar: JSON = 5
    scalar["x"] = nil
    #expect(scalar == 5)
  }
}
