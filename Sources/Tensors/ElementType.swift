// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// How one number of a stored tensor is encoded; raw values are the names safetensors uses.
///
/// Multi-byte types are little-endian on disk, and Koine runs on little-endian machines only.
public enum ElementType: String, Sendable, Hashable, CaseIterable, Codable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  /// 4 exponent bits, 3 mantissa bits, no infinity ("fn"): the largest number is 448.
  case float8E4M3 = "F8_E4M3"
  /// 5 exponent bits, 2 mantissa bits, with infinities: the largest number is 57,344.
  case float8E5M2 = "F8_E5M2"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  case bool = "BOOL"

  /// Bytes per element.
  public var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float8E4M3, .float8E5M2, .int8, .uint8, .bool: 1
    }
  }

  /// True for the types that weights can have; the rest are buffers, copied and never computed.
  public var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16, .float8E4M3, .float8E5M2: true
    default: false
    }
  }

  /// The name PyTorch, `config.json` and mergekit use: `bfloat16` for ``bfloat16``.
  public var torchName: String {
    switch self {
    case .float64: "float64"
    case .float32: "float32"
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float8E4M3: "float8_e4m3fn"
    case .float8E5M2: "float8_e5m2"
    case .int64: "int64"
    case .int32: "int32"
    case .int16: "int16"
    case .int8: "int8"
    case .uint64: "uint64"
    case .uint32: "uint32"
    case .uint16: "uint16"
    case .uint8: "uint8"
    case .bool: "bool"
    }
  }

  /// Looks a type up by its PyTorch name, with or without the `torch.` prefix; `nil` if unknown.
  public init?(torchName: String) {
    let name = torchName.hasPrefix("torch.") ? String(torchName.dropFirst(6)) : torchName
    guard let found = Self.allCases.first(where: { $0.torchName == name }) else { return nil }
    self = found
  }

  /// The type that holds the values of both without loss where one of ours does: equal types stay,
  /// `F64` wins over all floats, every other mixture of floats becomes `F32`.
  ///
  /// `nil` when the types differ and one of them is not a float.
  public func promoted(with other: ElementType) -> ElementType? {
    if self == other { return self }
    guard isFloatingPoint, other.isFloatingPoint else { return nil }
    return self == .float64 || other == .float64 ? .float64 : .float32
  }
}
