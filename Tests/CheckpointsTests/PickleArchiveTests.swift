// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Checkpoints

/// One test per way the container of a PyTorch file can lie.
@Suite struct PickleArchiveTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func lines(_ bytes: [UInt8]) throws -> [String] {
    try folder.write(bytes, "x.pt")
    do {
      _ = try TorchFile(folder.file("x.pt"))
      return ["no error"]
    } catch {
      #expect(error.diagnosis.kind == .malformedInput)
      return error.description.replacing(folder.path + "/", with: "").split(separator: "\n")
        .map(String.init)
    }
  }

  private static let damaged =
    "The file is damaged or was written by faulty software; fetch it again."
  private static let incomplete = "The download is incomplete; fetch the file again."
  private static let distrust = "Do not trust this file; fetch it from its original source."
  private static let pickle = Pickled.one(Pickled.tensor(Pickled.storage(4), [4], [1]))
  private static let numbers = [UInt8](repeating: 1, count: 16)

  private static func archive(_ form: TorchArchive.Form = .torch) -> TorchArchive {
    TorchArchive(pickle: pickle, storages: [("0", numbers)], form: form)
  }

  @Test(arguments: [TorchArchive.Form.torch, .plain, .wide])
  func `a right file opens in each form of zip`(form: TorchArchive.Form) throws {
    #expect(try lines(Self.archive(form).bytes) == ["no error"])
  }

  @Test func `files of other formats`() throws {
    #expect(
      try lines([]) == [
        "A PyTorch file begins with the bytes 50 4b 03 04, this one is empty.", "x.pt",
        "Check what the file is; fetch it again if it should hold weights.",
      ])
    #expect(
      try lines([0x1F, 0x8B, 8, 0, 0])[0]
        == "A PyTorch file begins with the bytes 50 4b 03 04, this one with 1f 8b 08 00.")
    #expect(
      try lines([0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC]) == [
        "The file is in the format of torch before 1.6, expected its zip format.", "x.pt",
        "Load it with torch where you trust it, and save it with torch.save of 1.6 or later, or as "
          + "safetensors.",
      ])
    let tar = [UInt8](repeating: 0, count: 257) + Array("ustar".utf8) + [0, 0]
    #expect(
      try lines(tar)[0]
        == "The file is a tar archive, as torch before 0.1.10 wrote, expected a zip archive.")
    #expect(
      try lines(Array("version https://git-lfs.github.com/spec/v1\noid sha256:0".utf8)) == [
        "The file is a Git LFS pointer, expected the weights it stands for.", "x.pt",
        "Run `git lfs pull` in the repository, or download the file itself.",
      ])
  }

  @Test(arguments: [TorchArchive.Form.torch, .plain, .wide])
  func `a file cut anywhere is an error`(form: TorchArchive.Form) throws {
    let whole = Self.archive(form).bytes
    for length in 0..<whole.count { #expect(try lines(Array(whole.prefix(length))).count == 3) }
    #expect(
      try lines(Array(whole.prefix(100))) == [
        "Expected the archive's directory at the end of the file, found none in 100 bytes.", "x.pt",
        Self.incomplete,
      ])
  }

  @Test func `an end record that contradicts its zip64 form`() throws {
    for (place, count) in [(8, 2), (10, 2), (12, 4), (16, 4), (4, 2), (6, 2), (20, 2)] {
      var archive = Self.archive()
      archive.set(archive.end + place, count, 7)
      let found = try lines(archive.bytes)
      #expect(found.count == 3 && found[0].hasPrefix("The end record's "), "\(place): \(found)")
      #expect(found[2] == Self.damaged)
    }
    for (place, count) in [(4, 8), (16, 4), (20, 4), (24, 8), (32, 8), (40, 8), (48, 8)] {
      var archive = Self.archive(.wide)
      archive.set(archive.wideEnd + place, count, 1 << 31 - 1)
      #expect(try lines(archive.bytes)[2] == Self.damaged, "\(place)")
    }
    var archive = Self.archive()
    archive.set(archive.wideEnd + 56 + 8, 8, .max)
    #expect(
      try lines(archive.bytes)[0]
        == "The zip64 locator's offset should be \(archive.wideEnd), found "
        + "18,446,744,073,709,551,615.")
  }

  @Test func `a directory that is not where it should be`() throws {
    var archive = Self.archive(.plain)
    archive.set(archive.end + 16, 4, UInt64(archive.directory - 1))
    #expect(
      try lines(archive.bytes)[0]
        == "The directory's offset should be \(archive.directory), right before the end records, "
        + "found \(archive.directory - 1).")
    archive = Self.archive(.plain)
    archive.set(archive.end + 12, 4, 0xFFFF_FFFF)
    #expect(try lines(archive.bytes)[0].hasPrefix("The directory's size should be at most "))
  }

  @Test func `a directory with more or fewer entries than it says`() throws {
    var archive = Self.archive(.plain)
    for place in [8, 10] { archive.set(archive.end + place, 2, 0xFFFE) }
    #expect(try lines(archive.bytes)[0].hasPrefix("The directory's entry count should be at most"))
    for place in [8, 10] { archive.set(archive.end + place, 2, 3) }
    #expect(try lines(archive.bytes)[0].hasPrefix("The directory should be to end at byte "))
    let long = String(repeating: "n", count: 60)
    archive = TorchArchive([("m/data.pkl", Self.pickle), ("m/\(long)", [])], form: .plain)
    for place in [8, 10] { archive.set(archive.end + place, 2, 3) }
    #expect(try lines(archive.bytes)[0] == "The directory should be 3 entries, found 2.")
  }

  @Test func `a local header that contradicts the directory`() throws {
    let facts = [(0, 4, "signature"), (6, 2, "flags"), (8, 2, "method"), (14, 4, "checksum")]
    for (place, count, name) in facts + [(18, 4, "stored size"), (22, 4, "size")] {
      var archive = Self.archive()
      archive.set(archive.local["m/data/0"]! + place, count, 9)
      let found = try lines(archive.bytes)
      #expect(
        found[0].hasPrefix("The local \(name) of the entry `m/data/0` should be "), "\(found)")
      #expect(found[1] == "x.pt, byte \(archive.local["m/data/0"]!)")
    }
    var archive = Self.archive()
    archive.set(archive.local["m/data/0"]! + 30 + 7, 1, 0x31)
    #expect(
      try lines(archive.bytes)[0]
        == "The local name of the entry `m/data/0` should be `m/data/0`, found another.")
    // In a zip64 field.
    archive = Self.archive(.wide)
    archive.set(archive.data["m/data/0"]! - 16, 8, 1 << 62)
    #expect(
      try lines(archive.bytes)[0]
        == "The local size of the entry `m/data/0` should be 16, found 4,611,686,018,427,387,904.")
  }

  @Test func `an entry beyond the data`() throws {
    for (place, value) in [(42, UInt64(0xFFFF_FFF0)), (24, 100_000)] {
      var archive = Self.archive()
      archive.set(archive.central["m/data/0"]! + place, 4, value)
      if place == 24 { archive.set(archive.central["m/data/0"]! + 20, 4, value) }
      let found = try lines(archive.bytes)
      #expect(found[0].hasPrefix("The entry `m/data/0` ends at byte "), "\(found)")
      #expect(found[2] == Self.incomplete)
    }
    var archive = Self.archive(.wide)
    let wide = archive.central["m/data/0"]! + 46 + 8 + 4
    for place in [0, 8] { archive.set(wide + place, 8, .max - 3) }
    #expect(try lines(archive.bytes)[0].hasPrefix("The entry `m/data/0` ends at byte "))
  }

  @Test func `compressed, encrypted and split entries`() throws {
    var archive = Self.archive()
    archive.set(archive.central["m/data/0"]! + 10, 2, 8)
    #expect(
      try lines(archive.bytes) == [
        "The entry `m/data/0` is compressed (zip method 8), expected stored bytes.", "x.pt",
        "torch.save compresses nothing: pack the archive again without compression (`zip -0`), or "
          + "fetch the original file.",
      ])
    archive = Self.archive()
    archive.set(archive.central["m/data/0"]! + 8, 2, 0x0809)
    #expect(
      try lines(archive.bytes)[0] == "The entry `m/data/0` is encrypted, expected plain bytes.")
    archive = Self.archive()
    archive.set(archive.central["m/data/0"]! + 20, 4, 15)
    #expect(
      try lines(archive.bytes)[0]
        == "The stored size of the entry `m/data/0` should be 16, found 15.")
    archive = Self.archive()
    archive.set(archive.central["m/data/0"]! + 34, 2, 1)
    #expect(
      try lines(archive.bytes)[0]
        == "The disk number of the entry `m/data/0` should be 0, found 1.")
  }

  @Test func `names that occur twice, entries that overlap, names that are no text`() throws {
    let twice = TorchArchive([("m/data.pkl", Self.pickle), ("m/a", []), ("m/a", [])])
    #expect(
      try lines(twice.bytes) == [
        "The archive holds `m/a` twice, expected each name once.", "x.pt", Self.distrust,
      ])
    // The header of a second entry inside the first one's data.
    let inner = TorchArchive([("m/b", [1, 2])])
    let hidden = Array(inner.bytes.prefix(inner.directory))
    var outer = TorchArchive([("m/a", hidden), ("m/b", [1, 2])])
    outer.set(outer.central["m/b"]! + 42, 4, UInt64(outer.data["m/a"]!))
    let found = try lines(outer.bytes)
    #expect(found[0].hasPrefix("The entry `m/b` begins at byte "), "\(found)")
    #expect(found[2] == Self.distrust)
    var name = Self.archive()
    name.set(name.central["m/data/0"]! + 46, 1, 0xFF)
    #expect(
      try lines(name.bytes)[0]
        == "The directory entry's name should be a text in UTF-8, found other bytes.")
  }

  @Test func `archives that are not torch's`() throws {
    #expect(
      try lines(TorchArchive([("a.txt", [1])]).bytes) == [
        "Expected one entry <folder>/data.pkl, found none.", "x.pt",
        "This is a zip archive but not a PyTorch file; check what it is.",
      ])
    let script = TorchArchive([("m/data.pkl", Self.pickle), ("m/constants.pkl", [1])])
    #expect(
      try lines(script.bytes) == [
        "The file is a TorchScript program (it holds `m/constants.pkl`), expected weights.", "x.pt",
        "Save the program's state_dict with torch.save, or as safetensors.",
      ])
    let two = TorchArchive([("a/data.pkl", Self.pickle), ("b/data.pkl", Self.pickle)])
    #expect(try lines(two.bytes)[0] == "Expected one entry <folder>/data.pkl, found 2.")
    let foreign = TorchArchive([("m/data.pkl", Self.pickle), ("../x", [1])])
    #expect(
      try lines(foreign.bytes) == [
        "Expected all entries in the folder `m`, found `../x`.", "x.pt", Self.distrust,
      ])
  }

  @Test(arguments: ["big", "littl", "little\n", ""])
  func `a byte order that is not little`(order: String) throws {
    let archive = TorchArchive([
      ("m/data.pkl", Self.pickle), ("m/byteorder", Array(order.utf8)), ("m/data/0", Self.numbers),
    ])
    let found = try lines(archive.bytes)
    #expect(found.count == 3)
    #expect(found[0].hasPrefix("The entry byteorder should be `little`, found `"))
  }

  @Test func `a file without byteorder, as torch 1 wrote`() throws {
    let archive = TorchArchive([("m/data.pkl", Self.pickle), ("m/data/0", Self.numbers)])
    #expect(try lines(archive.bytes) == ["no error"])
  }

  @Test func `a pickle longer than any`() throws {
    let long = [UInt8](repeating: 0x4E, count: PickleMachine.byteLimit + 1)
    #expect(
      try lines(TorchArchive([("m/data.pkl", long)]).bytes)[0]
        == "The entry data.pkl has 16,777,217 bytes; at most 16,777,216 are allowed.")
  }
}
