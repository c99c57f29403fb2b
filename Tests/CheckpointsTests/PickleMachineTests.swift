// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Checkpoints

/// Pickles made to do harm, and pickles that are damaged: each is refused, at its byte.
@Suite struct PickleMachineTests {
  private func fault(_ pickle: [UInt8]) -> CheckpointError.PickleFault? {
    var machine = PickleMachine(pickle)
    do throws(CheckpointError.PickleFault) {
      _ = try machine.run()
      return nil
    } catch {
      return error
    }
  }

  private func what(_ pickle: [UInt8]) -> String {
    fault(pickle)?.diagnosis(file: "x").what ?? "no error"
  }

  private func place(_ pickle: [UInt8]) -> String {
    fault(pickle)?.diagnosis(file: "x").where ?? "no error"
  }

  // MARK: Harm

  @Test func `os system by REDUCE`() {
    let attack = Pickled.file(Pickled.call("os", "system", [Pickled.text("id")]))
    #expect(
      fault(attack)?.diagnosis(file: "x.bin")
        == Diagnosis(
          what: "The pickle refers to `os.system`, expected only tensors, storages and plain "
            + "containers.", where: "x.bin, data.pkl, byte 2",
          next: "Do not load this file with torch either, unless you trust its author; save its "
            + "state_dict alone, or fetch the safetensors revision."))
  }

  @Test(arguments: [
    ("builtins", "eval"), ("__builtin__", "exec"), ("posix", "system"), ("nt", "system"),
    ("subprocess", "Popen"), ("torch.storage", "_load_from_bytes"), ("torch", "load"),
    ("torch.hub", "load"), ("torch._utils", "_rebuild_tensor"), ("builtins", "getattr"),
    ("collections", "OrderedDict.__init__"), ("torch.FloatStorage", ""), ("", "torch.Size"),
    ("numpy.core.multiarray", "scalar"), ("torch.jit", "load"), ("operator", "attrgetter"),
    ("torch ", "FloatStorage"), ("torch.serialization", "load"), ("runpy", "_run_code"),
  ])
  func `a global outside the whitelist`(module: String, name: String) {
    let expected =
      "The pickle refers to `\(module).\(name)`, expected only tensors, storages and "
      + "plain containers."
    #expect(what(Pickled.file(Pickled.global(module, name))) == expected)
    // The same by texts on the stack, as protocol 4 has it.
    let stacked = Pickled.text(module) + Pickled.text(name) + [0x93]
    #expect(what([0x80, 4] + stacked + [0x2E]) == expected)
    #expect(place([0x80, 4] + stacked + [0x2E]) == "x, data.pkl, byte \(1 + stacked.count)")
  }

  private static let refused: [(UInt8, String)] = [
    (UInt8(0x69), "INST (0x69)"), (0x6F, "OBJ (0x6f)"), (0x81, "NEWOBJ (0x81)"),
    (0x92, "NEWOBJ_EX (0x92)"), (0x82, "EXT1 (0x82)"), (0x83, "EXT2 (0x83)"),
    (0x84, "EXT4 (0x84)"), (0x50, "PERSID (0x50)"), (0x97, "NEXT_BUFFER (0x97)"),
    (0x8B, "LONG4 (0x8b)"), (0x32, "DUP (0x32)"), (0x00, "0x00"), (0xFF, "0xff"),
  ]

  @Test(arguments: refused)
  func `an opcode outside the whitelist`(opcode: UInt8, name: String) {
    #expect(
      fault([0x80, 2, 0x4E, opcode, 0x2E])?.diagnosis(file: "x")
        == Diagnosis(
          what: "The pickle opcode \(name) is not one that a state dict needs.",
          where: "x, data.pkl, byte 3",
          next: "Do not load this file with torch either, unless you trust its author; fetch the "
            + "safetensors revision."))
  }

  @Test func `every opcode that is not known is refused`() {
    for byte in UInt8.min...UInt8.max where PickleOpcode(rawValue: byte) == nil {
      #expect(fault([0x80, 2, byte]) == .opcode(byte, offset: 2))
    }
  }

  @Test func `classes and values are not called`() {
    for callee in [
      Pickled.global("torch", "FloatStorage"), Pickled.global("torch", "float32"),
      Pickled.global("torch", "Tensor"), Pickled.text("os"), Pickled.none, [0x5D], [0x29],
    ] {
      let found = what(Pickled.file(callee + [0x29, 0x52]))
      #expect(found.hasPrefix("REDUCE takes a function "), "\(found)")
      #expect(fault(Pickled.file(Pickled.hooks + callee + [0x62])) != nil)
    }
    #expect(
      what(Pickled.file(Pickled.global("torch", "Size") + Pickled.none + [0x52]))
        == "REDUCE takes a function and a tuple, found a class and None.")
  }

  @Test func `a rebuild of a type does not nest`() {
    let inner = Pickled.global("torch._tensor", "_rebuild_from_type_v2")
    let type = Pickled.global("torch", "Tensor")
    let attack = Pickled.file(
      Pickled.call("torch._tensor", "_rebuild_from_type_v2", [inner, type, [0x29], [0x7D]]))
    #expect(
      what(attack)
        == "torch._tensor._rebuild_from_type_v2 takes a function, a tensor class, a tuple and "
        + "attributes, found a function, a class, a tuple of 0, a dictionary.")
    let size = Pickled.file(
      Pickled.call(
        "torch._tensor", "_rebuild_from_type_v2",
        [Pickled.global("torch", "Size"), type, Pickled.tuple([[0x29]]), [0x7D]]))
    #expect(what(size).contains("takes a function that makes a tensor"))
  }

  private static let identifiers: [[UInt8]] = [
    Pickled.tuple([]), Pickled.none, Pickled.text("storage"),
    Pickled.tuple([
      Pickled.text("module"), Pickled.global("torch", "FloatStorage"), Pickled.text("0"),
      Pickled.text("cpu"), Pickled.int(1),
    ]),
    Pickled.tuple([
      Pickled.text("storage"), Pickled.global("torch", "Size"), Pickled.text("0"),
      Pickled.text("cpu"), Pickled.int(1),
    ]),
    Pickled.tuple([
      Pickled.text("storage"), Pickled.global("torch", "FloatStorage"), Pickled.int(0),
      Pickled.text("cpu"), Pickled.int(1),
    ]),
    Pickled.tuple([
      Pickled.text("storage"), Pickled.global("torch", "FloatStorage"), Pickled.text("0"),
      Pickled.text("cpu"), Pickled.int(-1),
    ]),
    Pickled.tuple([
      Pickled.text("storage"), Pickled.global("torch", "FloatStorage"), Pickled.text("0"),
      Pickled.text("cpu"), [0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ]),
  ]

  @Test(arguments: identifiers)
  func `a persistent identifier that is no storage`(identifier: [UInt8]) {
    #expect(what(Pickled.file(identifier + [0x51])).hasPrefix("BINPERSID takes "))
  }

  // MARK: Bombs

  @Test func `a bomb of the memo stays small`() throws {
    // Each level holds the one before ten times: 10^20 values if anyone counted them.
    var pickle: [UInt8] = [0x80, 2, 0x29, 0x71, 0]
    for level in 0..<20 {
      pickle.append(0x28)
      for _ in 0..<10 { pickle.append(contentsOf: [0x68, UInt8(level)]) }
      pickle.append(contentsOf: [0x74, 0x71, UInt8(level + 1)])
    }
    pickle += [UInt8](repeating: 0x86, count: 20)
    pickle.append(0x2E)
    var machine = PickleMachine(pickle)
    _ = try machine.run()
    #expect(machine.valueCount < 2 * pickle.count)
  }

  @Test func `dictionaries that hold themselves and each other`() {
    // d = {}; d["a"] = d; as the file's own dictionary it holds no tensors.
    let knot: [UInt8] = [0x7D, 0x71, 0] + Pickled.text("a") + [0x68, 0, 0x73]
    #expect(fault(Pickled.file(knot)) == nil)
    #expect(fault(Pickled.file(knot + [0x68, 0, 0x62])) == nil)
  }

  @Test(arguments: [UInt8(0x28), 0x5D, 0x7D, 0x29])
  func `millions of opening brackets neither overflow nor hang`(opcode: UInt8) {
    // Marks, lists, dictionaries and tuples that nothing closes, then closed if they can be.
    let depth = 1 << 20
    let open: [UInt8] = [0x80, 2] + [UInt8](repeating: opcode, count: depth)
    #expect(fault(open) == .truncated(opcode: "STOP", needed: 1, left: 0, offset: open.count))
    if opcode == 0x28 {
      let nested: [UInt8] = open + [UInt8](repeating: 0x74, count: depth) + [0x2E]
      #expect(fault(nested) == nil)
    }
    if opcode == 0x29 {
      let nested: [UInt8] = [0x80, 2, 0x29] + [UInt8](repeating: 0x85, count: depth) + [0x2E]
      #expect(fault(nested) == nil)
    }
  }

  @Test func `the number of values is limited`() {
    let pickle: [UInt8] = [0x80, 2] + [UInt8](repeating: 0x4E, count: PickleMachine.valueLimit + 1)
    #expect(
      fault(pickle)
        == .limit("values", limit: PickleMachine.valueLimit, offset: PickleMachine.valueLimit + 2))
    #expect(what(pickle) == "The pickle makes more than 8,000,000 values.")
  }

  private static let counts: [([UInt8], String)] = [
    ([0x58, 0xFF, 0xFF, 0xFF, 0xFF], "BINUNICODE"), ([0x8C, 0xFF], "SHORTBINUNICODE"),
    ([0x8D, 255, 255, 255, 255, 255, 255, 255, 255], "BINUNICODE8"),
    ([0x42, 0xFF, 0xFF, 0xFF, 0x7F], "BINBYTES"), ([0x43, 9], "SHORTBINBYTES"),
    ([0x8E, 255, 255, 255, 255, 255, 255, 255, 255], "BINBYTES8"), ([0x8A, 0xFF], "LONG1"),
    ([0x95, 255, 255, 255, 255, 255, 255, 255, 255], "FRAME"),
  ]

  @Test(arguments: counts)
  func `a count beyond the pickle allocates nothing`(opcode: [UInt8], name: String) {
    let found = what([0x80, 4] + opcode + [1, 2, 3])
    #expect(found.hasPrefix("The opcode \(name) needs "), "\(found)")
    #expect(found.hasSuffix("more bytes, the pickle has 3."), "\(found)")
  }

  // MARK: Damage

  private static let operands: [([UInt8], String)] = [
    ([0x71, 1], "BINPUT takes places in order, up to 0, found 1."),
    (
      [0x72, 0xFF, 0xFF, 0xFF, 0xFF],
      "LONGBINPUT takes places in order, up to 0, found 4,294,967,295."
    ),
    ([0x68, 0], "BINGET takes one of 0 values put before, found number 0."),
    ([0x6A, 1, 0, 0, 0], "LONGBINGET takes one of 0 values put before, found number 1."),
    ([0x74], "TUPLE takes a mark, found none."), ([0x75], "SETITEMS takes a mark, found none."),
    ([0x65], "APPENDS takes a mark, found none."),
    ([0x86], "TUPLE2 takes 2 values, found 1."),
    ([0x28, 0x85], "TUPLE1 takes 1 values, found 0."),
    ([0x28, 0x71, 0], "BINPUT takes a value, found none."),
    ([0x4E, 0x61], "APPEND takes a list, found None."),
    ([0x4E, 0x4E, 0x73], "SETITEM takes a dictionary, found None."),
    ([0x73], "SETITEM takes pairs of key and value, found 1 values."),
    ([0x7D, 0x28, 0x4E, 0x75], "SETITEMS takes pairs of key and value, found 1 values."),
    ([0x80, 2], "PROTO takes 2 to 5 at byte 0, found 2."),
    ([0x93], "STACK_GLOBAL takes a value, found none."),
    ([0x4E, 0x93], "STACK_GLOBAL takes two texts, found None and None."),
    (
      [0x7D, 0x62],
      "BUILD takes a dictionary and once its attributes, found None and a dictionary."
    ),
    ([0x52], "REDUCE takes a value, found none."),
    (
      [0x63, 0x6F, 0x73], "GLOBAL takes two lines of at most 255 bytes, found no line's end in 2."
    ),
    ([0x4E], "STOP takes the only value left, found 2 values."),
    ([0x28], "STOP takes a value, found none."),
  ]

  @Test(arguments: operands)
  func `an operand that is not there`(opcodes: [UInt8], expected: String) {
    // One value lies below; GLOBAL is cut before the STOP.
    let end: [UInt8] = opcodes.first == 0x63 ? [] : [0x2E]
    #expect(what([0x80, 2, 0x4E] + opcodes + end) == expected)
  }

  @Test func `bytes after the end, and other protocols`() {
    #expect(
      what([0x80, 2, 0x4E, 0x2E, 0])
        == "The pickle ends with 1 bytes after its STOP, expected none.")
    for version: UInt8 in [0, 1, 6, 255] {
      #expect(
        what([0x80, version, 0x4E, 0x2E]) == "PROTO takes 2 to 5 at byte 0, found \(version).")
    }
    #expect(what([]) == "The opcode STOP needs 1 more bytes, the pickle has 0.")
  }

  @Test func `a pickle cut anywhere is an error`() throws {
    for name in ["views.pt", "views-4.pt", "state_dict.pt"] {
      let archive = try ZipArchive(MappedFile("\(TorchGolden.folder)/\(name)"))
      let entry = try #require(archive.entries.first { $0.name.hasSuffix("/data.pkl") })
      let pickle = archive.file.bytes(entry.offset..<(entry.offset + entry.byteCount))
      #expect(fault(pickle) == nil)
      for length in 0..<pickle.count { #expect(fault(Array(pickle.prefix(length))) != nil) }
    }
  }

  @Test func `long integers keep their sign`() throws {
    let numbers: [([UInt8], Int)] = [
      ([0x8A, 0], 0), ([0x8A, 1, 0xFF], -1), ([0x8A, 2, 0, 0x80], -32768),
      ([0x8A, 3, 0xFF, 0xFF, 0], 65535), ([0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 0x80], Int.min),
      ([0x4A, 0xFE, 0xFF, 0xFF, 0xFF], -2), ([0x4D, 0xFF, 0xFF], 65535), ([0x4B, 0xFF], 255),
    ]
    for (bytes, expected) in numbers {
      var machine = PickleMachine([0x80, 2] + bytes + [0x2E])
      #expect(try machine.run() == .int(expected))
    }
    var big = PickleMachine([0x80, 2, 0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x2E])
    #expect(try big.run() == .bigInt)
  }
}
