// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// What calling a function of the whitelist means here: taking its arguments apart.
extension PickleMachine {
  mutating func call(
    _ callee: PickleValue, _ arguments: PickleValue
  ) throws(Fault) -> PickleValue {
    guard case .global(let global) = callee, case .tuple(let range) = arguments else {
      throw .operand(
        of: "REDUCE", expected: "a function and a tuple",
        found: "\(callee.kind) and \(arguments.kind)", offset: offset)
    }
    if global == .rebuildFromType {
      // (function, class, arguments, Python attributes); the function is called, but not this one
      // again, so that no pickle can nest calls.
      let values = try exactly(4...4, range, of: global)
      guard case .global(let inner) = values[0], inner != .rebuildFromType,
        values[1] == .global(.tensorClass), case .tuple(let innerRange) = values[2]
      else { throw fault(global, "a function, a tensor class, a tuple and attributes", values) }
      let result = try call(inner, innerRange)
      guard case .tensor(let number) = result else {
        throw fault(global, "a function that makes a tensor", values)
      }
      try noteAttributes(values[3], number, global)
      return result
    }
    return try call(global, range)
  }

  private mutating func call(
    _ global: PickleGlobal, _ range: PickleRange
  ) throws(Fault) -> PickleValue {
    switch global {
    case .orderedDictionary:
      _ = try exactly(0...0, range, of: global)
      return try newDictionary()
    case .size:
      let values = try exactly(1...1, range, of: global)
      guard case .tuple(let extents) = values[0] else { throw fault(global, "a tuple", values) }
      return .size(extents)
    case .device:
      _ = try exactly(1...2, range, of: global)
      return .device
    case .encode:
      // How protocol 2 writes bytes: a text of the same code points.
      let values = try exactly(2...2, range, of: global)
      guard case .text = values[0], case .text = values[1] else {
        throw fault(global, "two texts", values)
      }
      return .bytes
    case .rebuildParameter, .rebuildParameterWithState:
      // (tensor, requires_grad, hooks) and the Python attributes.
      let hasState = global == .rebuildParameterWithState
      let values = try exactly(hasState ? 4...4 : 3...3, range, of: global)
      guard case .tensor(let number) = values[0], case .bool = values[1] else {
        throw fault(global, "a tensor and a truth value", values)
      }
      if hasState { try noteAttributes(values[3], number, global) }
      return .tensor(number)
    case .rebuildTensor: return try tensor(range, global, hasType: false)
    case .rebuildTensorOfType: return try tensor(range, global, hasType: true)
    case .rebuildFromType, .storageClass, .elementType, .tensorClass:
      throw .operand(
        of: "REDUCE", expected: "a function or a container's class", found: global.kind,
        offset: offset)
    }
  }

  /// `(storage, offset, size, stride, requires_grad, hooks)`, then the type in the third version,
  /// then sometimes metadata, which say that numbers are conjugated or negated when read.
  private mutating func tensor(
    _ range: PickleRange, _ global: PickleGlobal, hasType: Bool
  ) throws(Fault) -> PickleValue {
    let count = hasType ? 7 : 6
    let values = try exactly(count...(count + 1), range, of: global)
    guard case .storage(let storage) = values[0], case .int(let start) = values[1],
      let extents = list(values[2]), let strides = list(values[3]), case .bool = values[4]
    else {
      throw fault(global, "a storage, an offset, a shape, strides and a truth value", values)
    }
    let stored = storages[Int(storage)].elementType
    let type: ElementType
    if hasType {
      guard case .global(.elementType(let named)) = values[6], stored == nil else {
        throw fault(global, "an untyped storage and a torch.dtype", values)
      }
      type = named
    } else {
      guard let stored else { throw fault(global, "a storage with a type", values) }
      type = stored
    }
    if values.count == count + 1 {
      switch values[count] {
      case .none: break
      case .dictionary(let number) where dictionaries[Int(number)].pairs.isEmpty: break
      default: throw fault(global, "no metadata", [values[count]])
      }
    }
    tensors.append(
      Tensor(
        storage: storage, elementType: type, start: start, extents: extents, strides: strides,
        offset: offset))
    return .tensor(UInt32(tensors.count - 1))
  }

  /// A storage: `("storage", class, key, device, element count)`.
  mutating func persistent(_ identifier: PickleValue) throws(Fault) -> PickleValue {
    guard case .tuple(let range) = identifier else {
      throw .operand(
        of: "BINPERSID", expected: "a tuple", found: identifier.kind, offset: offset)
    }
    let values = elements[range.indices]
    let first = values.startIndex
    guard values.count == 5, case .text(let tag) = values[first],
      bytes[tag.indices].elementsEqual("storage".utf8),
      case .global(.storageClass(let type)) = values[first + 1],
      case .text(let key) = values[first + 2], case .text = values[first + 3],
      case .int(let count) = values[first + 4], count >= 0
    else {
      throw .operand(
        of: "BINPERSID", expected: "`storage`, a storage class, a key, a device and a count",
        found: kinds(values), offset: offset)
    }
    storages.append(Storage(elementType: type, key: key, count: count, offset: offset))
    return .storage(UInt32(storages.count - 1))
  }

  // MARK: Arguments

  private func exactly(
    _ counts: ClosedRange<Int>, _ range: PickleRange, of global: PickleGlobal
  ) throws(Fault) -> [PickleValue] {
    guard counts.contains(Int(range.count)) else {
      let expected =
        counts.count == 1 ? "\(counts.lowerBound)" : "\(counts.lowerBound) or \(counts.upperBound)"
      throw .operand(
        of: global.title, expected: "\(expected) arguments", found: grouped(range.count),
        offset: offset)
    }
    // At most eight.
    return Array(elements[range.indices])
  }

  private func list(_ value: PickleValue) -> PickleRange? {
    switch value {
    case .tuple(let range), .size(let range): range
    default: nil
    }
  }

  private mutating func noteAttributes(
    _ state: PickleValue, _ tensor: UInt32, _ global: PickleGlobal
  ) throws(Fault) {
    guard case .dictionary(let number) = state else {
      throw fault(global, "attributes as a dictionary", [state])
    }
    if !dictionaries[Int(number)].pairs.isEmpty { tensors[Int(tensor)].hasAttributes = true }
  }

  private func fault(
    _ global: PickleGlobal, _ expected: String, _ values: [PickleValue]
  ) -> Fault {
    .operand(of: global.title, expected: expected, found: kinds(values[...]), offset: offset)
  }

  private func kinds(_ values: ArraySlice<PickleValue>) -> String {
    values.isEmpty
      ? "nothing"
      : values.prefix(8).map(\.kind).joined(separator: ", ") + (values.count > 8 ? ", …" : "")
  }
}
