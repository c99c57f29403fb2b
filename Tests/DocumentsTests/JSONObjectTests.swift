// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

struct JSONObjectTests {
  /// Equal to Swift, different to a vocabulary: composed, Ångström sign, decomposed.
  private let rings = ["\u{C5}", "\u{212B}", "A\u{30A}"]

  @Test func `keys of different bytes are different keys`() throws {
    #expect(rings[0] == rings[1] && rings[1] == rings[2])
    var object = JSONObject()
    for (index, key) in rings.enumerated() { object[key] = JSON(index) }
    #expect(object.count == 3)
    for (index, key) in rings.enumerated() { #expect(object[key] == JSON(index)) }
    object.removeValue(forKey: rings[1])
    #expect(object[rings[0]] == 0 && object[rings[1]] == nil && object[rings[2]] == 2)
    #expect(object.keys.map { Array($0.utf8) } == [[0xC3, 0x85], [0x41, 0xCC, 0x8A]])
  }

  @Test func `a vocabulary with equivalent tokens survives parsing and writing byte for byte`()
    throws
  {
    let text = "{\"\(rings[0])\":1,\"\(rings[1])\":2,\"\(rings[2])\":3}"
    let vocabulary = try JSON.parse(text, origin: "vocab.json")
    #expect(Array(vocabulary.serialized().utf8) == Array(text.utf8))
    #expect(vocabulary.object?.members.map(\.value) == [1, 2, 3])
    #expect(
      Array(vocabulary.serialized(sortedKeys: true).utf8)
        == Array("{\"\(rings[2])\":3,\"\(rings[0])\":1,\"\(rings[1])\":2}".utf8))
  }

  @Test func `equality sees keys, their order, and the bytes of keys and strings`() throws {
    func object(_ keys: [String]) -> JSON {
      var object = JSONObject()
      for key in keys { object[key] = 1 }
      return .object(object)
    }
    #expect(object(["a", "b"]) == object(["a", "b"]))
    #expect(object(["a", "b"]) != object(["b", "a"]))
    #expect(object(["a"]) != object(["a", "b"]))
    #expect(object([rings[0]]) != object([rings[1]]))
    #expect(JSON(rings[0]) != JSON(rings[1]) && JSON(rings[0]) == JSON(rings[0]))
    #expect(JSON(1) != JSON(1.0) && JSON.null != false)
  }

  @Test func `after removals every key is still found at its place`() {
    var object = JSONObject()
    for index in 0..<200 { object["k\(index)"] = JSON(index) }
    for index in stride(from: 0, to: 200, by: 3) { object["k\(index)"] = nil }
    let left = (0..<200).filter { $0 % 3 != 0 }
    #expect(object.keys == left.map { "k\($0)" } && object.count == left.count)
    for index in left { #expect(object["k\(index)"] == JSON(index)) }
    object["k0"] = "again"
    #expect(object.keys.last == "k0" && object.members.last?.value == "again")
  }

  /// Looking each key up among all before it would take 2·10¹⁰ comparisons: minutes, not a second.
  @Test func `an object of 200,000 keys is read without a search for each`() throws {
    let count = 200_000
    let text = "{" + (0..<count).map { "\"▁tøken\($0)\":\($0)" }.joined(separator: ",") + "}"
    let object = try #require(try JSON.parse(text, origin: "v").object)
    #expect(object.count == count && object["▁tøken199999"] == JSON(count - 1))
  }

  /// A copy for each member would move 10¹² bytes.
  @Test func `setting members through JSON does not copy the object each time`() throws {
    let count = 200_000
    var value = JSON.object(JSONObject())
    for index in 0..<count { value["k\(index)"] = 1 }
    #expect(value.object?.count == count)
  }
}
