// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Runs

@Suite struct EventFileTests {
  private func golden() throws -> JSON {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Golden/tensorboard/golden.json")
    return try JSON.parse(Data(contentsOf: path), origin: "golden.json")
  }

  private func bytes(hex text: String) -> [UInt8] {
    let digits = text.utf8.map { UInt8($0 > 57 ? $0 - 87 : $0 - 48) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  private func events(_ golden: JSON) throws -> [EventRecord] {
    try #require(golden["events"]?.array).map { event in
      EventRecord(
        wallTime: try #require(event["time"]?.double), step: try #require(event["step"]?.int),
        scalars: try #require(event["values"]?.array).map { pair in
          let cells = try #require(pair.array)
          return EventRecord.Scalar(
            try #require(cells[0].string), cells[1].double.map { Float($0) } ?? .infinity)
        })
    }
  }

  @Test func `checksums are TensorBoard's`() throws {
    let sums = try #require(golden()["masked_crc32c"]?.object)
    for text in sums.keys {
      #expect(sums[text]?.int == Int(MaskedChecksum.of(text.utf8)))
    }
    // RFC 3720, appendix B.4.
    #expect(MaskedChecksum.crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(MaskedChecksum.crc32c(0..<32) == 0x46DD_794E)
  }

  @Test func `an event file has the bytes that TensorBoard writes`() throws {
    let golden = try golden()
    let expected = bytes(hex: try #require(golden["file"]?.string))
    let events = try events(golden)
    try Fixture.folder { folder in
      let path = folder + "/" + EventFile.fileName(now: 1_700_000_000)
      let file = try EventFile(appendingTo: path, now: 1_700_000_000)
      for event in events { try file.append(event) }
      #expect(Array(try FileBytes.read(path)) == expected)
    }
  }

  @Test func `what TensorBoard writes is read back`() throws {
    let golden = try golden()
    let (read, count) = EventRecord.read(bytes(hex: try #require(golden["file"]?.string)))
    let expected = try events(golden)
    #expect(read.first?.fileVersion == "brain.Event:2")
    #expect(Array(read.dropFirst()) == expected)
    #expect(count * 2 == golden["file"]?.string?.utf8.count)
  }

  @Test func `a file torn at any byte keeps its whole events and goes on`() throws {
    let whole = EventRecord(wallTime: 1, step: 1, scalars: [.init("train/loss", 3)])
    let torn = EventRecord(wallTime: 2, step: 2, scalars: [.init("train/loss", 2.5)])
    let next = EventRecord(wallTime: 3, step: 2, scalars: [.init("train/loss", 2.25)])
    let first = EventRecord(wallTime: 0, fileVersion: EventFile.version)
    try Fixture.folder { folder in
      for length in 0..<torn.frame.count {
        let path = folder + "/events.\(length)"
        try Data(first.frame + whole.frame + torn.frame.prefix(length))
          .write(to: URL(fileURLWithPath: path))
        try EventFile(appendingTo: path).append(next)
        #expect(try EventFile.read(path) == [first, whole, next])
      }
    }
  }

  @Test func `a resumed training drops the events after its state`() throws {
    try Fixture.folder { folder in
      let path = folder + "/events"
      let file = try EventFile(appendingTo: path)
      for step in 1...5 {
        try file.append(EventRecord(wallTime: 1, step: step, scalars: [.init("train/loss", 1)]))
      }
      try EventFile(appendingTo: path, keepingWhile: { $0.step <= 3 }).append(
        EventRecord(wallTime: 2, step: 4, scalars: [.init("train/loss", 7)]))
      #expect(try EventFile.read(path).map(\.step) == [0, 1, 2, 3, 4])
      #expect(try EventFile.read(path).last?.scalars == [.init("train/loss", 7)])
    }
  }

  @Test func `a changed byte ends what is read`() throws {
    let events = (1...3).map {
      EventRecord(wallTime: 1, step: $0, scalars: [.init("train/loss", 1)])
    }
    let frame = events[0].frame.count
    for place in 0..<frame {
      var bytes = events.flatMap(\.frame)
      bytes[frame + place] ^= 0x10
      #expect(EventRecord.read(bytes).events == [events[0]])
    }
  }
}
