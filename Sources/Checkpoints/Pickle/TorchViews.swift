// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// Checks what a pickle says of its tensors against the archive.
struct TorchViews {
  private typealias Fault = CheckpointError.PickleFault

  /// The most axes of a tensor; torch itself stops at 64, and no weight has more than 5.
  static let rankLimit = 16

  let archive: ZipArchive
  let folder: String
  let machine: PickleMachine
  /// What each storage was said to be, to compare with what it is said to be next.
  private var seen: [String: (type: ElementType?, count: Int)] = [:]
  private var isChecked: [Bool]

  init(archive: ZipArchive, folder: String, machine: PickleMachine) {
    self.archive = archive
    self.folder = folder
    self.machine = machine
    isChecked = Array(repeating: false, count: machine.tensors.count)
  }

  /// The place of a tensor's elements: all inside the archive's entry, none twice.
  mutating func check(
    _ number: UInt32, place: @autoclosure () -> String
  ) throws(CheckpointError.PickleFault) -> TorchView {
    let tensor = machine.tensors[Int(number)]
    let entry: ZipArchive.Entry
    do throws(CheckpointError.PickleFault.Tensor) {
      entry = try checkStorage(machine.storages[Int(tensor.storage)])
      let view = try Self.view(tensor, elements: machine.elements, storage: entry)
      isChecked[Int(number)] = true
      return view
    } catch {
      throw .tensor(place(), error)
    }
  }

  /// Checks the tensors and storages that are no weights here, such as an optimizer's: a file that
  /// lies anywhere is not to be trusted.
  mutating func checkOthers() throws(CheckpointError.PickleFault) {
    for number in machine.tensors.indices where !isChecked[number] {
      let offset = machine.tensors[number].offset
      _ = try check(
        UInt32(number), place: "the tensor at byte \(grouped(offset)) of data.pkl")
    }
    for storage in machine.storages {
      do throws(CheckpointError.PickleFault.Tensor) {
        _ = try checkStorage(storage)
      } catch {
        throw .tensor("the storage at byte \(grouped(storage.offset)) of data.pkl", error)
      }
    }
  }

  private mutating func checkStorage(
    _ storage: PickleMachine.Storage
  ) throws(CheckpointError.PickleFault.Tensor) -> ZipArchive.Entry {
    // A key is a number in decimal; one that is longer than any number names no entry, and is not
    // copied for each tensor that refers to it.
    let key = String(decoding: machine.bytes[storage.key.indices].prefix(100), as: UTF8.self)
    guard storage.key.count < 100, let entry = archive["\(folder)/data/\(key)"] else {
      throw .missingStorage(key: key)
    }
    let type = storage.elementType
    let size = type?.byteCount ?? 1
    let (byteCount, overflow) = storage.count.multipliedReportingOverflow(by: size)
    guard !overflow, byteCount == entry.byteCount else {
      throw .storageByteCount(
        key: key, elementType: type?.rawValue ?? "bytes",
        expected: overflow ? "\(grouped(storage.count)) × \(size)" : grouped(byteCount),
        found: entry.byteCount)
    }
    if let before = seen[key] {
      guard before.type == type, before.count == storage.count else {
        func title(_ type: ElementType?, _ count: Int) -> String {
          "\(grouped(count)) \(type.map { "elements of \($0.rawValue)" } ?? "bytes")"
        }
        throw .storageContradiction(
          key: key, expected: title(before.type, before.count), found: title(type, storage.count))
      }
    } else {
      seen[key] = (type, storage.count)
    }
    return entry
  }

  private static func view(
    _ tensor: PickleMachine.Tensor, elements: [PickleValue], storage: ZipArchive.Entry
  ) throws(CheckpointError.PickleFault.Tensor) -> TorchView {
    let rank = Int(tensor.extents.count)
    guard rank <= rankLimit else { throw .rank(rank, limit: rankLimit) }
    guard tensor.strides.count == tensor.extents.count else {
      throw .strideCount(expected: rank, found: Int(tensor.strides.count))
    }
    var extents: [Int] = []
    var strides: [Int] = []
    for axis in 0..<rank {
      let extent = elements[tensor.extents.indices][tensor.extents.indices.lowerBound + axis]
      let stride = elements[tensor.strides.indices][tensor.strides.indices.lowerBound + axis]
      guard case .int(let extentNumber) = extent, extentNumber >= 0 else {
        throw .extent(axis: axis, found: text(extent))
      }
      guard case .int(let strideNumber) = stride, strideNumber >= 0 else {
        throw .stride(axis: axis, found: text(stride))
      }
      extents.append(extentNumber)
      strides.append(strideNumber)
    }
    let size = tensor.elementType.byteCount
    guard let shape = Shape(checking: extents),
      !shape.elementCount.multipliedReportingOverflow(by: size).overflow
    else { throw .shapeOverflow(extents) }
    let available = storage.byteCount / size
    guard (0...available).contains(tensor.start) else {
      throw .offset(found: tensor.start, elementCount: available)
    }
    // Axes of one element step nowhere, whatever their stride; empty tensors not at all.
    var axes: [TorchView.Axis] = []
    if shape.elementCount > 0 {
      axes = zip(extents, strides).filter { $0.0 > 1 }.map { .init(extent: $0.0, stride: $0.1) }
      var last = tensor.start
      for axis in axes {
        let (reach, overflow) = (axis.extent - 1).multipliedReportingOverflow(by: axis.stride)
        let (sum, sumOverflow) = last.addingReportingOverflow(reach)
        guard !overflow, !sumOverflow else {
          throw .beyondStorage(lastElement: "beyond 2^63", elementCount: available)
        }
        last = sum
      }
      guard last < available else {
        throw .beyondStorage(lastElement: grouped(last), elementCount: available)
      }
      // Each axis steps over all that the finer ones span, so no element is shown twice. (There are
      // stranger strides that also show none twice; torch makes them only by `as_strided`.)
      var span = 0
      for axis in axes.sorted(by: { $0.stride < $1.stride }) {
        guard axis.stride > span else {
          throw .overlappingStrides(shape: extents, strides: strides)
        }
        span += (axis.extent - 1) * axis.stride
      }
    }
    return TorchView(
      info: TensorInfo(elementType: tensor.elementType, shape: shape),
      offset: storage.offset + tensor.start * size, axes: TorchView.merged(axes))
  }

  private static func text(_ value: PickleValue) -> String {
    if case .int(let number) = value { grouped(number) } else { value.kind }
  }
}

/// A checked view of a storage.
struct TorchView {
  struct Axis: Equatable, Sendable {
    let extent: Int
    /// In elements.
    let stride: Int
  }

  let info: TensorInfo
  /// Of the first element, in the file.
  let offset: Int
  /// Outermost first, axes of one element left out, neighbours that step alike made one.
  let axes: [Axis]

  /// Two axes where the outer one steps exactly over the inner one are one axis.
  static func merged(_ axes: [Axis]) -> [Axis] {
    var merged: [Axis] = []
    for axis in axes {
      if let outer = merged.last, outer.stride == axis.extent * axis.stride {
        merged[merged.count - 1] = Axis(extent: outer.extent * axis.extent, stride: axis.stride)
      } else {
        merged.append(axis)
      }
    }
    return merged
  }

  func reader(of file: MappedFile) -> any TensorReader {
    if axes.isEmpty || (axes.count == 1 && axes[0].stride == 1) {
      return StoredReader(info: info, storage: .file(file, offset: offset))
    }
    return StridedReader(info: info, file: file, offset: offset, axes: axes)
  }
}
