// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Notes which input is being read, so that one that ends the process is known afterwards.
///
/// A Swift trap cannot be caught. The number therefore stands in a mapped file, which outlives the
/// process and costs a few stores an input. A thread watches it: where one input takes longer than
/// ``limit``, the input is saved, and the process ends with a message rather than hang.
final class FuzzJournal: @unchecked Sendable {
  // @unchecked: `digits` points into a mapping that lives as long as the object; one thread writes,
  // and what another may see of it are digits in any state.
  let path: String
  private let target: FuzzTarget
  private let seed: UInt64
  private let mapping: UnsafeMutableRawPointer
  private let digits: UnsafeMutableRawPointer
  private let current = Atomic(-1)
  private let isDone = Atomic(false)

  private static let size = 4096
  private static let digitCount = 19

  /// The seconds that one input may take: seconds where milliseconds are usual, for a machine may be
  /// busy and a build unoptimised.
  static let limit =
    ProcessInfo.processInfo.environment["KOINE_FUZZ_LIMIT"].flatMap(Int.init) ?? 120

  /// Where journals and saved inputs lie.
  static var folder: String {
    ProcessInfo.processInfo.environment["KOINE_FUZZ_FOLDER"]
      ?? FileManager.default.temporaryDirectory.appendingPathComponent("koine-fuzz").path
  }

  init(_ target: FuzzTarget, seed: UInt64) throws {
    (self.target, self.seed) = (target, seed)
    try FileManager.default.createDirectory(
      atPath: Self.folder, withIntermediateDirectories: true)
    path = "\(Self.folder)/\(target.name)-\(seed)-\(getpid()).running"
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0, ftruncate(descriptor, off_t(Self.size)) == 0,
      let mapping = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      mapping != MAP_FAILED
    else { throw CocoaError(.fileWriteUnknown) }
    close(descriptor)
    self.mapping = mapping
    let head = Array("target \(target.name) seed \(seed) input ".utf8)
    for (place, byte) in head.enumerated() {
      mapping.storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
    }
    digits = mapping + head.count
    (digits + Self.digitCount).storeBytes(of: 0x0A, as: UInt8.self)
    watch()
  }

  deinit {
    munmap(mapping, Self.size)
    unlink(path)
  }

  /// Notes the input that is about to be read.
  func begin(_ index: Int) {
    var rest = index
    for place in (0..<Self.digitCount).reversed() {
      digits.storeBytes(
        of: UInt8(ascii: "0") + UInt8(rest % 10), toByteOffset: place, as: UInt8.self)
      rest /= 10
    }
    current.store(index, ordering: .relaxed)
  }

  func finish() { isDone.store(true, ordering: .relaxed) }

  private func watch() {
    Thread.detachNewThread { [weak self] in
      var last = -1
      var seconds = 0
      while true {
        sleep(1)
        guard let self, !self.isDone.load(ordering: .relaxed) else { return }
        let now = self.current.load(ordering: .relaxed)
        seconds = now == last ? seconds + 1 : 0
        last = now
        guard seconds > Self.limit, now >= 0 else { continue }
        let files = (try? self.target.make(self.seed).0.input(now)).map { self.save($0, now) }
        let text =
          "fuzzing \(self.target.name), seed \(self.seed): input \(now) takes longer than "
          + "\(Self.limit) s; it is saved in \(files ?? "no file")\n"
        FileHandle.standardError.write(Data(text.utf8))
        abort()
      }
    }
  }

  /// Saves an input, one file a part, and returns the first file's path.
  @discardableResult
  func save(_ input: FuzzInput, _ index: Int) -> String {
    let paths = input.indices.map { part in
      let ending = part < target.parts.count ? target.parts[part] : "\(part)"
      return "\(Self.folder)/\(target.name)-\(seed)-\(index)-\(ending)"
    }
    for (path, bytes) in zip(paths, input) {
      try? Data(bytes).write(to: URL(fileURLWithPath: path))
    }
    return paths.first ?? ""
  }

  /// What journals of processes that no longer are say: the inputs that ended them.
  static func leftovers() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().compactMap { name in
      guard name.hasSuffix(".running"),
        let number = name.dropLast(8).split(separator: "-").last.flatMap({ Int32($0) }),
        kill(number, 0) != 0,
        let data = FileManager.default.contents(atPath: "\(folder)/\(name)")
      else { return nil }
      try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
      return String(decoding: data.prefix { $0 != 0x0A }, as: UTF8.self)
    }
  }
}
