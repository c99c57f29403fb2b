// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Foundation

/// A folder that goes when the test ends.
final class TestFolder {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("koine-corpora-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func path(_ name: String) -> String { path + "/" + name }

  @discardableResult
  func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
    return path(name)
  }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String { try write(name, text.utf8) }

  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }
}

/// A gzip member whose deflate blocks are stored, not compressed.
func gzip(_ text: String) -> [UInt8] {
  let bytes = Array(text.utf8)
  var crc: UInt32 = 0xFFFF_FFFF
  for byte in bytes {
    crc ^= UInt32(byte)
    for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
  }
  func little(_ value: UInt32, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
  }
  var out: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
  var start = 0
  repeat {
    let end = min(start + 65535, bytes.count)
    let length = UInt32(end - start)
    out += [end == bytes.count ? 1 : 0] + little(length, 2) + little(~length & 0xFFFF, 2)
    out += bytes[start..<end]
    start = end
  } while start < bytes.count
  return out + little(~crc, 4) + little(UInt32(bytes.count), 4)
}

/// The three lines of the error that `body` throws, or a sentence that says it threw none.
func lines(of body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch {
    return "\(error)"
  }
}

func kind(of body: () throws -> Void) -> Diagnosis.Kind? {
  do {
    try body()
    return nil
  } catch {
    return (error as? any Diagnosed)?.diagnosis.kind
  }
}

/// One id a byte, end-of-text 256: a tokenizer for tests.
@Sendable func byteIDs(_ text: String) -> [Int32] { text.utf8.map(Int32.init) }

let byteHeader = TokenShardHeader(vocabularySize: 257, endOfText: 256, tokenizerHash: "bytes")

func shard(_ texts: [String], _ name: String, in folder: TestFolder) throws -> TokenShard {
  try TokenShard.build(
    texts.map { Document(segments: [$0]) }, header: byteHeader, to: folder.path(name),
    encode: byteIDs)
}

/// The data folder, where it is.
let dataFolder: String? = {
  let named = ProcessInfo.processInfo.environment["KOINE_DATA"]
  let beside = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent()
    .appendingPathComponent("../../../shared/data").standardized.path
  return [named, beside].compactMap { $0 }.first {
    FileManager.default.fileExists(atPath: $0 + "/sib200")
  }
}()
