// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Documents that wait on disk until it is known which of them are near duplicates. The file has no
/// name once it is open, so nothing stays behind, however the process ends.
final class DocumentSpool {
  private let file: UnsafeMutablePointer<FILE>
  private let folder: String
  private var names: [String] = []
  private var count = 0

  init(in folder: String) throws {
    self.folder = folder
    var template = Array((folder as NSString).appendingPathComponent("koine-XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw CorpusError.cannotWrite(folder, reason: String(cString: strerror(errno)))
    }
    unlink(template)
    guard let file = fdopen(descriptor, "w+") else {
      close(descriptor)
      throw CorpusError.cannotWrite(folder, reason: String(cString: strerror(errno)))
    }
    self.file = file
    setvbuf(file, nil, _IOFBF, 1 << 20)
  }

  deinit { fclose(file) }

  func append(_ found: PreparedDocument) throws {
    if names.last != found.source.file { names.append(found.source.file) }
    let text = Array(found.document.text.utf8)
    let numbers = [names.count - 1, found.source.line, found.characters, found.words, text.count]
    let head = numbers.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) == $0.count }
    guard head, text.isEmpty || fwrite(text, 1, text.count, file) == text.count else {
      throw refusal()
    }
    count += 1
  }

  /// All documents in the order in which they came. To be called once.
  func forEach(_ body: (PreparedDocument) throws -> Void) throws {
    guard fflush(file) == 0, fseek(file, 0, SEEK_SET) == 0 else { throw refusal() }
    for _ in 0..<count {
      var numbers = [Int](repeating: 0, count: 5)
      let head = numbers.withUnsafeMutableBytes {
        fread($0.baseAddress, 1, $0.count, file) == $0.count
      }
      guard head, names.indices.contains(numbers[0]), numbers[4] >= 0 else { throw refusal() }
      var text = [UInt8](repeating: 0, count: numbers[4])
      guard text.isEmpty || fread(&text, 1, text.count, file) == text.count else {
        throw refusal()
      }
      let segments = text.split(separator: 10, omittingEmptySubsequences: false).map {
        String(decoding: $0, as: UTF8.self)
      }
      var found = PreparedDocument(
        source: SourceDocument(
          document: Document(segments: segments), file: names[numbers[0]], line: numbers[1]))
      (found.characters, found.words) = (numbers[2], numbers[3])
      try body(found)
    }
  }

  private func refusal() -> CorpusError {
    .cannotWrite(folder, reason: errno == 0 ? "the disk is full" : String(cString: strerror(errno)))
  }
}
