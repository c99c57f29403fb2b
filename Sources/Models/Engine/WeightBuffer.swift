// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX
  import Tensors

  /// The weights of one tensor under training: evaluated numbers in memory of their own, which
  /// updates overwrite in place or, as graphs, replace.
  ///
  /// Safety: as of `FloatBuffer`. Only Training writes, and only while no graph over the array is
  /// pending.
  package final class WeightBuffer: @unchecked Sendable {
    /// The numbers, of `elementType`.
    package private(set) var array: DeviceArray
    /// The numbers are float32, bfloat16 or float16.
    package let elementType: ElementType
    package let shape: [Int]
    package let count: Int
    /// Where they lie. On a GPU their memory comes to the host for that.
    var base: UnsafeMutableRawPointer { array.memory }

    /// Differs, but for one case in 2⁶⁴, where a bit of the weights does.
    package var checksum: UInt64 {
      var sum: UInt64 = 0xcbf2_9ce4_8422_2325
      for half in UnsafeRawBufferPointer(
        start: base, count: count * (elementType == .float32 ? 4 : 2)
      ).bindMemory(
        to: UInt16.self)
      {
        sum = (sum ^ UInt64(half)) &* 0x9e37_79b9_7f4a_7c15
        sum ^= sum >> 29
      }
      return sum
    }

    /// A copy of `values`, row-major, rounded to the nearest number of `elementType`.
    package init(
      _ values: [Float], shape: [Int], elementType: ElementType = .float32
    ) throws {
      let plain = try DeviceArray(values, shape: shape)
      array =
        elementType == .float32
        ? plain : try contiguous(asType(plain, Self.deviceType(elementType)))
      try evaluate([array])
      self.elementType = elementType
      self.shape = shape
      count = values.count
    }

    /// Puts the numbers of a graph of the same shape in the place of these; the caller evaluates
    /// `array` before anything else looks; when that fails, the buffer has no numbers any more.
    package func assign(_ numbers: DeviceArray) throws {
      array = try contiguous(asType(numbers, Self.deviceType(elementType)))
    }

    /// A copy of the numbers as float32.
    package func values() throws -> [Float] { try array.floats() }

    /// √(mean x²); 0 of nothing.
    package func rms() throws -> Double {
      let squares =
        elementType == .float32
        ? cmlx_squared_norm(base.assumingMemoryBound(to: Float.self), count)
        : try values().reduce(0) { $0 + Double($1) * Double($1) }
      return (squares / Double(max(1, count))).squareRoot()
    }

    /// Overwrites all numbers, rounding to the nearest.
    package func replace(with values: [Float]) throws {
      precondition(values.count == count, "as many numbers as the buffer holds")
      let other = try WeightBuffer(values, shape: shape, elementType: elementType)
      base.copyMemory(from: other.base, byteCount: count * elementType.byteCount)
    }

    /// The index of the first NaN or infinity, or `nil`.
    package var firstNonFinite: Int? {
      let index = cmlx_first_non_finite_stored(base, count, Self.deviceType(elementType))
      return index < count ? index : nil
    }

    static func deviceType(_ type: ElementType) -> cmlx_dtype {
      switch type {
      case .float32: CMLX_FLOAT32
      case .bfloat16: CMLX_BFLOAT16
      case .float16: CMLX_FLOAT16
      default: preconditionFailure("weights are trained as float32, bfloat16 or float16")
      }
    }
  }
#endif
