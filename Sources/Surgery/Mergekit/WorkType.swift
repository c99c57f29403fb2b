// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// The type in which mergekit computes a tensor's merge: that of `dtype`, else the type to which
/// the inputs promote.
public enum WorkType: Sendable, Hashable, CaseIterable {
  case float32, bfloat16, float16, float64

  /// The work type of weights stored as `type`; `nil` for integers and the 8-bit floats, in which
  /// PyTorch does not compute.
  public init?(_ type: ElementType) {
    switch type {
    case .float32: self = .float32
    case .bfloat16: self = .bfloat16
    case .float16: self = .float16
    case .float64: self = .float64
    default: return nil
    }
  }

  public var elementType: ElementType {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    case .float64: .float64
    }
  }

  /// What inputs of `types` promote to in PyTorch; `nil` when one has no work type or there is none.
  public static func promoted(_ types: [ElementType]) -> WorkType? {
    guard var result = types.first else { return nil }
    for type in types.dropFirst() {
      guard let wider = result.promoted(with: type) else { return nil }
      result = wider
    }
    return types.allSatisfy { WorkType($0) != nil } ? WorkType(result) : nil
  }

  /// `value` rounded to the nearest of this type, ties to even.
  public func rounded(_ value: Float) -> Float {
    switch self {
    case .float32, .float64: value
    case .bfloat16: BFloat16Work.round(value)
    case .float16: Float16Work.round(value)
    }
  }
}

/// Arithmetic of a work type as PyTorch does it on a CPU: operands widened to `Number`, one
/// operation, the result rounded to the type.
protocol WorkArithmetic {
  associatedtype Number: BinaryFloatingPoint & Sendable
  /// The arithmetic of `Number` itself, in which some methods compute throughout.
  associatedtype Wide: WorkArithmetic where Wide.Number == Number, Wide.Wide == Wide
  static var type: WorkType { get }
  /// Elements of the type in a 256-bit vector; PyTorch's sums are cut by it.
  static var lanes: Int { get }
  static func round(_ value: Number) -> Number
  /// A run of a tensor's elements, each rounded to the type.
  static func read(
    _ reader: any TensorReader, _ range: Range<Int>
  ) throws(CheckpointError) -> [Number]
  /// `values` in the encoding of `type`, each rounded once.
  static func encode(_ values: [Number], as type: ElementType) -> [UInt8]
}

extension WorkArithmetic {
  /// A Python number that a tensor is multiplied with or divided by: not rounded to the type.
  static func factor(_ value: Double) -> Number { Number(value) }

  /// A Python number that a tensor is added to, compared with or clamped to: rounded to the type.
  static func constant(_ value: Double) -> Number { round(Number(value)) }

  // In Double and rounded once; PyTorch's own functions are off by an ulp for one number in twenty.
  static func sin(_ x: Number) -> Number { round(Number(Elementary.sin(Double(x)))) }
  static func cos(_ x: Number) -> Number { round(Number(Elementary.cos(Double(x)))) }
  static func acos(_ x: Number) -> Number { round(Number(Elementary.acos(Double(x)))) }
  static func log(_ x: Number) -> Number { round(Number(Elementary.log(Double(x)))) }
  /// Not rounded to the type: softmax rounds once, at its end.
  static func exp(_ x: Number) -> Number { Number(Elementary.exp(Double(x))) }

  /// `value` cut to a range; NaN stays.
  static func clamp(_ value: Number, _ low: Number, _ high: Number) -> Number {
    value < low ? low : value > high ? high : value
  }

  static func map(_ x: [Number], _ operation: (Number) -> Number) -> [Number] {
    x.map { round(operation($0)) }
  }

  /// One elementary operation on two tensors of one shape.
  static func combine(
    _ x: [Number], _ y: [Number], _ operation: (Number, Number) -> Number
  ) -> [Number] {
    var result = x
    for i in result.indices { result[i] = round(operation(x[i], y[i])) }
    return result
  }

  static func difference(_ x: [Number], _ y: [Number]) -> [Number] { combine(x, y) { $0 - $1 } }
}

enum Float32Work: WorkArithmetic {
  typealias Wide = Float32Work
  static let type = WorkType.float32
  static let lanes = 8
  static func round(_ value: Float) -> Float { value }
}

enum BFloat16Work: WorkArithmetic {
  typealias Wide = Float32Work
  static let type = WorkType.bfloat16
  static let lanes = 16
  static func round(_ value: Float) -> Float { Rounding.float(bfloat16: Rounding.bfloat16(value)) }
}

enum Float16Work: WorkArithmetic {
  typealias Wide = Float32Work
  static let type = WorkType.float16
  static let lanes = 16
  static func round(_ value: Float) -> Float { Rounding.float(float16: Rounding.float16(value)) }
}

enum Float64Work: WorkArithmetic {
  typealias Wide = Float64Work
  static let type = WorkType.float64
  static let lanes = 4
  static func round(_ value: Double) -> Double { value }
}
