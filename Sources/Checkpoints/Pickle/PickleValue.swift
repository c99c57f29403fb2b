// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// A stretch of one of the machine's arrays.
struct PickleRange: Equatable {
  let start: UInt32
  let count: UInt32

  var indices: Range<Int> { Int(start)..<(Int(start) + Int(count)) }
}

/// A value on the stack: small, and holding others only by number.
///
/// The machine keeps what values hold in flat arrays, so nesting costs no recursion, not even when
/// values are let go, and a value that holds itself is as harmless as any.
enum PickleValue: Equatable {
  case none
  case bool(Bool)
  case int(Int)
  /// Beyond 64 bits, such as the state of a random generator; its value is not kept.
  case bigInt
  case float
  /// UTF-8 in the pickle itself, not yet checked.
  case text(PickleRange)
  case bytes
  /// Its elements are not kept: no list is a weight.
  case list
  case tuple(PickleRange)
  case size(PickleRange)
  case dictionary(UInt32)
  case global(PickleGlobal)
  case storage(UInt32)
  case tensor(UInt32)
  case device

  /// For messages: what it is.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a truth value"
    case .int, .bigInt, .float: "a number"
    case .text: "a text"
    case .bytes: "bytes"
    case .list: "a list"
    case .tuple(let range): "a tuple of \(grouped(range.count))"
    case .size: "a torch.Size"
    case .dictionary: "a dictionary"
    case .global(let global): global.kind
    case .storage: "a storage"
    case .tensor: "a tensor"
    case .device: "a torch.device"
    }
  }
}

/// The classes and functions a pickle may name. None of them is ever run: each is a case here, and
/// what "calling" it means is written in `PickleMachine+Calls.swift`.
enum PickleGlobal: Equatable {
  /// `torch.FloatStorage` and its sisters; `nil` is `torch.storage.UntypedStorage`, counted in bytes.
  case storageClass(ElementType?)
  case elementType(ElementType)
  case rebuildTensor
  case rebuildTensorOfType
  case rebuildParameter
  case rebuildParameterWithState
  case rebuildFromType
  case orderedDictionary
  case size
  case device
  case encode
  case tensorClass

  var kind: String {
    switch self {
    case .storageClass: "a storage class"
    case .elementType: "a torch.dtype"
    case .orderedDictionary, .size, .tensorClass, .device: "a class"
    default: "a function"
    }
  }

  /// For messages: the name of what is called.
  var title: String {
    switch self {
    case .rebuildTensor: "torch._utils._rebuild_tensor_v2"
    case .rebuildTensorOfType: "torch._utils._rebuild_tensor_v3"
    case .rebuildParameter: "torch._utils._rebuild_parameter"
    case .rebuildParameterWithState: "torch._utils._rebuild_parameter_with_state"
    case .rebuildFromType: "torch._tensor._rebuild_from_type_v2"
    case .orderedDictionary: "collections.OrderedDict"
    case .size: "torch.Size"
    case .device: "torch.device"
    case .encode: "_codecs.encode"
    case .tensorClass, .storageClass, .elementType: "REDUCE"
    }
  }

  static let all: [String: PickleGlobal] = {
    var all: [String: PickleGlobal] = [
      "torch.storage.UntypedStorage": .storageClass(nil),
      "torch.UntypedStorage": .storageClass(nil),
      "torch.DoubleStorage": .storageClass(.float64), "torch.FloatStorage": .storageClass(.float32),
      "torch.HalfStorage": .storageClass(.float16),
      "torch.BFloat16Storage": .storageClass(.bfloat16), "torch.LongStorage": .storageClass(.int64),
      "torch.IntStorage": .storageClass(.int32), "torch.ShortStorage": .storageClass(.int16),
      "torch.CharStorage": .storageClass(.int8), "torch.ByteStorage": .storageClass(.uint8),
      "torch.BoolStorage": .storageClass(.bool),
      // Where attributes hold a type.
      "torch.half": .elementType(.float16), "torch.float": .elementType(.float32),
      "torch.double": .elementType(.float64), "torch.long": .elementType(.int64),
      "torch.Tensor": .tensorClass, "torch.nn.parameter.Parameter": .tensorClass,
      "torch.nn.Parameter": .tensorClass, "torch.nn.parameter.Buffer": .tensorClass,
      "torch.device": .device,
    ]
    let called: [PickleGlobal] = [
      .rebuildTensor, .rebuildTensorOfType, .rebuildParameter, .rebuildParameterWithState,
      .rebuildFromType, .orderedDictionary, .size, .encode,
    ]
    for global in called { all[global.title] = global }
    for type in ElementType.allCases { all["torch.\(type.torchName)"] = .elementType(type) }
    return all
  }()

  /// Numbers that torch knows and Koine refuses, with a message of their own.
  static let unsupported: Set<String> = [
    "torch.ComplexFloatStorage", "torch.ComplexDoubleStorage", "torch.complex32",
    "torch.complex64", "torch.complex128", "torch.QInt8Storage", "torch.QUInt8Storage",
    "torch.QInt32Storage", "torch.QUInt4x2Storage", "torch.QUInt2x4Storage", "torch.qint8",
    "torch.quint8", "torch.qint32", "torch._utils._rebuild_qtensor",
    "torch._utils._rebuild_sparse_tensor",
  ]
}

/// The opcodes of pickle protocols 2 to 5 that a state dict needs, by the names of Python's
/// `pickletools`.
enum PickleOpcode: UInt8 {
  case mark = 0x28  // (
  case emptyTuple = 0x29  // )
  case stop = 0x2E  // .
  case binFloat = 0x47  // G
  case binInt = 0x4A  // J
  case binInt1 = 0x4B  // K
  case binInt2 = 0x4D  // M
  case none = 0x4E  // N
  case binPersID = 0x51  // Q
  case reduce = 0x52  // R
  case binUnicode = 0x58  // X
  case emptyList = 0x5D  // ]
  case append = 0x61  // a
  case build = 0x62  // b
  case global = 0x63  // c
  case appends = 0x65  // e
  case binGet = 0x68  // h
  case longBinGet = 0x6A  // j
  case binPut = 0x71  // q
  case longBinPut = 0x72  // r
  case setItem = 0x73  // s
  case tuple = 0x74  // t
  case setItems = 0x75  // u
  case emptyDict = 0x7D  // }
  case proto = 0x80
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case newTrue = 0x88
  case newFalse = 0x89
  case long1 = 0x8A
  case binBytes = 0x42  // B
  case shortBinBytes = 0x43  // C
  case shortBinUnicode = 0x8C
  case binUnicode8 = 0x8D
  case binBytes8 = 0x8E
  case stackGlobal = 0x93
  case memoize = 0x94
  case frame = 0x95

  var name: String { String(describing: self).uppercased() }

  /// For messages: the opcode's byte, and its name where it is a known danger.
  static func name(_ opcode: UInt8) -> String {
    let known: [UInt8: String] = [
      0x69: "INST", 0x6F: "OBJ", 0x81: "NEWOBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4",
      0x92: "NEWOBJ_EX", 0x50: "PERSID", 0x8B: "LONG4", 0x32: "DUP", 0x30: "POP",
      0x31: "POP_MARK", 0x97: "NEXT_BUFFER", 0x8F: "EMPTY_SET", 0x96: "BYTEARRAY8",
    ]
    let digits = String(opcode, radix: 16)
    let byte = "0x" + (digits.count < 2 ? "0" : "") + digits
    return known[opcode].map { "\($0) (\(byte))" } ?? byte
  }
}
