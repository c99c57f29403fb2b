// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors
import Testing

@testable import Checkpoints

/// One test per way a tensor in a PyTorch file can lie about its storage.
@Suite struct PickleTensorTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func lines(
    _ pickle: [UInt8], _ storages: [(key: String, bytes: [UInt8])] = [("0", sixteen)]
  ) throws -> [String] {
    try folder.write(TorchArchive(pickle: pickle, storages: storages).bytes, "x.bin")
    do {
      _ = try TorchFile(folder.file("x.bin"))
      return ["no error"]
    } catch {
      #expect(error.diagnosis.kind == .malformedInput)
      return error.description.replacing(folder.path + "/", with: "").split(separator: "\n")
        .map(String.init)
    }
  }

  /// Four floats.
  private static let sixteen = [UInt8](repeating: 1, count: 16)
  private static let damaged =
    "The file is damaged or was written by faulty software; fetch it again."

  private func tensor(
    _ shape: [Int], _ strides: [Int], offset: Int = 0, count: Int = 4, key: String = "0",
    type: String = "FloatStorage"
  ) throws -> [String] {
    try lines(
      Pickled.one(
        Pickled.tensor(
          Pickled.storage(count, type: type, key: key), offset: offset, shape, strides)))
  }

  @Test func `right tensors open`() throws {
    let right: [([Int], [Int], Int)] = [
      ([4], [1], 0), ([2, 2], [2, 1], 0), ([2, 2], [1, 2], 0), ([2], [2], 1), ([], [], 3),
      ([0, 9], [9, 1], 4), ([1, 4], [0, 1], 0), ([1, 1], [77, 5], 3), ([2, 1, 2], [1, 0, 2], 0),
      ([0], [1], 0),
    ]
    for (shape, strides, offset) in right {
      #expect(try tensor(shape, strides, offset: offset) == ["no error"], "\(shape) \(strides)")
    }
  }

  @Test func `a storage that is not in the archive`() throws {
    #expect(
      try tensor([4], [1], key: "7") == [
        "The storage `data/7` should be in the archive, found none.", "x.bin, tensor `a`",
        "The file is incomplete; fetch it again.",
      ])
    for key in ["", "../data/0", "0\0", "../../../etc/passwd", String(repeating: "9", count: 5000)]
    {
      let found = try tensor([4], [1], key: key)
      #expect(found.count == 3 && found[0].hasSuffix("should be in the archive, found none."))
      #expect(found[0].count < 200)
    }
  }

  @Test func `a storage of another size`() throws {
    #expect(
      try tensor([4], [1], count: 5) == [
        "The storage `data/0` of F32 should have 20 bytes, found 16.", "x.bin, tensor `a`",
        Self.damaged,
      ])
    #expect(
      try tensor([4], [1], type: "HalfStorage")[0]
        == "The storage `data/0` of F16 should have 8 bytes, found 16.")
    #expect(
      try tensor([1], [1], count: .max)[0]
        == "The storage `data/0` of F32 should have 9,223,372,036,854,775,807 × 4 bytes, found 16.")
  }

  @Test func `a storage said to be two things`() throws {
    let a = Pickled.tensor(Pickled.storage(4), [4], [1])
    let b = Pickled.tensor(Pickled.storage(8, type: "HalfStorage"), [8], [1])
    let pickle = Pickled.file(
      Pickled.dictionary([(Pickled.text("a"), a), (Pickled.text("b"), b)]))
    #expect(
      try lines(pickle) == [
        "The storage `data/0` was 4 elements of F32 before, now it is 8 elements of F16.",
        "x.bin, tensor `b`", Self.damaged,
      ])
  }

  private static let views: [([Int], [Int], Int, String)] = [
    (
      [5], [1], 0, "The tensor's last element is number 4 of its storage, which has 4 elements."
    ),
    (
      [4], [1], 1, "The tensor's last element is number 4 of its storage, which has 4 elements."
    ),
    (
      [2, 2], [3, 1], 0,
      "The tensor's last element is number 4 of its storage, which has 4 elements."
    ),
    ([], [], 4, "The tensor's last element is number 4 of its storage, which has 4 elements."),
    (
      [3], [.max], 0,
      "The tensor's last element is number beyond 2^63 of its storage, which has 4 elements."
    ),
    (
      [2, 2], [.max, 1], 0,
      "The tensor's last element is number beyond 2^63 of its storage, which has 4 elements."
    ),
    (
      [1], [1], -1,
      "The tensor should begin in its storage of 4 elements, it begins at element -1."
    ),
    (
      [0], [1], 5, "The tensor should begin in its storage of 4 elements, it begins at element 5."
    ),
    ([2], [-1], 3, "The stride of axis 0 should be a number from 0, found -1."),
    ([-2], [1], 0, "The extent of axis 0 should be a number from 0, found -2."),
    ([2, 2], [1], 0, "A shape of 2 axes needs as many strides, found 1."),
    (
      [.max, 2], [0, 0], 0,
      "The shape [9223372036854775807, 2] has more bytes than a machine can count."
    ),
    (
      [1 << 61], [0], 0,
      "The shape [2305843009213693952] has more bytes than a machine can count."
    ),
    (
      [1 << 40], [0], 0,
      "The shape [1099511627776] with strides [0] reads elements twice, expected each once."
    ),
    (
      [2, 2], [1, 1], 0,
      "The shape [2, 2] with strides [1, 1] reads elements twice, expected each once."
    ),
    (
      [2, 3], [1, 1], 0,
      "The shape [2, 3] with strides [1, 1] reads elements twice, expected each once."
    ),
    (
      [3, 2], [1, 0], 0,
      "The shape [3, 2] with strides [1, 0] reads elements twice, expected each once."
    ),
  ]

  @Test(arguments: views)
  func `a view that does not fit its storage`(
    shape: [Int], strides: [Int], offset: Int, what: String
  ) throws {
    let found = try tensor(shape, strides, offset: offset)
    #expect(found.count == 3)
    #expect(found[0] == what)
    #expect(found[1] == "x.bin, tensor `a`")
  }

  @Test func `too many axes`() throws {
    let ones = [Int](repeating: 1, count: 17)
    #expect(try tensor(ones, ones)[0] == "A tensor has at most 16 axes, this one 17.")
  }

  @Test func `a shape that is not of numbers`() throws {
    let tensor = Pickled.call(
      "torch._utils", "_rebuild_tensor_v2",
      [
        Pickled.storage(4), Pickled.int(0), Pickled.tuple([Pickled.text("4")]), Pickled.ints([1]),
        Pickled.no, Pickled.hooks,
      ])
    #expect(
      try lines(Pickled.one(tensor))[0]
        == "The extent of axis 0 should be a number from 0, found a text.")
  }

  @Test func `arguments of another kind`() throws {
    let storage = Pickled.storage(4)
    let good = [
      storage, Pickled.int(0), Pickled.ints([4]), Pickled.ints([1]), Pickled.no, Pickled.hooks,
    ]
    func call(_ arguments: [[UInt8]], version: Int = 2) throws -> String {
      try lines(
        Pickled.one(Pickled.call("torch._utils", "_rebuild_tensor_v\(version)", arguments)))[0]
    }
    #expect(try call(good) == "no error")
    #expect(
      try call(Array(good.prefix(5)))
        == "torch._utils._rebuild_tensor_v2 takes 6 or 7 arguments, found 5.")
    for place in 0..<5 {
      var bad = good
      bad[place] = Pickled.text("x")
      #expect(
        try call(bad).hasPrefix(
          "torch._utils._rebuild_tensor_v2 takes a storage, an offset, a shape, strides and a truth "
            + "value, found "), "\(place)")
    }
    #expect(try call(good + [Pickled.none]) == "no error")
    #expect(
      try call(good + [Pickled.dictionary([(Pickled.text("neg"), Pickled.yes)])])
        .hasPrefix("torch._utils._rebuild_tensor_v2 takes no metadata, found "))
    #expect(
      try call(good + [Pickled.global("torch", "float32")], version: 3).hasPrefix(
        "torch._utils._rebuild_tensor_v3 takes an untyped storage and a torch.dtype, found "))
    let untyped = [Pickled.storage(16, type: "UntypedStorage")] + good.dropFirst()
    #expect(try call(untyped + [Pickled.global("torch", "float32")], version: 3) == "no error")
    #expect(
      try call(untyped + [Pickled.global("torch", "float64")], version: 3)
        == "The tensor's last element is number 3 of its storage, which has 2 elements.")
    #expect(
      try call(untyped).hasPrefix(
        "torch._utils._rebuild_tensor_v2 takes a storage with a type, found "))
  }

  @Test func `a name twice, or one that is no text`() throws {
    let tensor = Pickled.tensor(Pickled.storage(4), [4], [1])
    func named(_ keys: [[UInt8]]) throws -> [String] {
      try lines(Pickled.file(Pickled.dictionary(keys.map { ($0, tensor) })))
    }
    #expect(
      try named([Pickled.text("w"), Pickled.text("w")]) == [
        "The dictionary holds the tensor `w` twice, expected it once.", "x.bin, data.pkl",
        "Do not trust this file; fetch it from its original source.",
      ])
    #expect(
      try named([[0x8C, 2, 0xC3, 0x28]])[0]
        == "A tensor's name should be a text in UTF-8, found one in other bytes.")
    #expect(
      try named([Pickled.none])[0] == "A tensor's name should be a text in UTF-8, found None.")
    let long = try named([Pickled.text(String(repeating: "n", count: 100_000) + "\n"), [0x29]])
    #expect(long[0] == "A tensor's name should be a text in UTF-8, found a tuple of 0.")
  }

  @Test func `tensors that are no weights are checked too`() throws {
    let good = Pickled.tensor(Pickled.storage(4), [4], [1])
    let bad = Pickled.tensor(Pickled.storage(4), [5], [1])
    let pickle = Pickled.file(
      Pickled.dictionary([
        (Pickled.text("state_dict"), Pickled.dictionary([(Pickled.text("a"), good)])),
        (Pickled.text("optimizer"), Pickled.dictionary([(Pickled.int(0), bad)])),
      ]))
    let found = try lines(pickle)
    #expect(found[0].hasPrefix("The tensor's last element is number 4"))
    #expect(found[1].hasPrefix("x.bin, the tensor at byte "))
    let storage = Pickled.file(
      Pickled.dictionary([
        (Pickled.text("a"), good), (Pickled.text("b"), Pickled.storage(4, key: "9")),
      ]))
    #expect(try lines(storage)[1].hasPrefix("x.bin, the storage at byte "))
  }

  @Test func `one long text as a million keys costs no more than its length`() throws {
    // A key of 1 MB, put in the memo, used for 50,000 entries that are no tensors.
    let key = Pickled.text(String(repeating: "k", count: 1_000_000))
    var pickle: [UInt8] = [0x80, 2, 0x7D, 0x28]
    pickle += key
    pickle.append(contentsOf: [0x71, 0, 0x4E])
    for _ in 0..<50_000 { pickle.append(contentsOf: [0x68, 0, 0x4E]) }
    pickle += Pickled.text("a")
    pickle += Pickled.tensor(Pickled.storage(4), [4], [1])
    pickle.append(contentsOf: [0x75, 0x2E])
    try folder.write(TorchArchive(pickle: pickle, storages: [("0", Self.sixteen)]).bytes, "x.bin")
    let file = try TorchFile(folder.file("x.bin"))
    #expect(file.skipped.count == 50_001)
    #expect(file.skipped.allSatisfy { $0.name.count == 81 })
    #expect(file.entries.map(\.name) == ["a"])
  }

  @Test func `tensors of one storage are read apart`() throws {
    let bytes = (0..<4).flatMap { TorchArchive.little(UInt64(Float($0).bitPattern), 4) }
    let pickle = Pickled.file(
      Pickled.dictionary([
        (Pickled.text("all"), Pickled.tensor(Pickled.storage(4), [2, 2], [1, 2])),
        (Pickled.text("last"), Pickled.tensor(Pickled.storage(4), offset: 2, [2], [1])),
      ]))
    try folder.write(TorchArchive(pickle: pickle, storages: [("0", bytes)]).bytes, "x.bin")
    var found: [[Float]] = []
    for (_, source) in try TorchFile(folder.file("x.bin")).sources {
      var values = [Float](repeating: -1, count: source.info.shape.elementCount)
      try values.withMutableChunk { (output) throws(CheckpointError) in
        try source.prepare().read(from: 0, into: output)
      }
      found.append(values)
    }
    #expect(found == [[0, 2, 1, 3], [2, 3]])
  }
}
