// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// Reads a tensor whose elements lie apart in a mapped file: a transposed or stepped view.
///
/// Elements are gathered a chunk at a time, in the tensor's order, so memory is that of a chunk.
/// Cost: one load and one store per element; where the innermost steps are wide, each load is
/// another cache line.
struct StridedReader: TensorReader {
  let info: TensorInfo
  let file: MappedFile
  /// Of the first element, in the file.
  let offset: Int
  /// Outermost first; their extents' product is the shape's element count, and every element they
  /// reach lies in the file: ``TorchViews`` has checked it.
  let axes: [TorchView.Axis]

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    let bytes = gathered(start, output.count)
    // Safety: any bytes are valid bytes.
    Conversion.decode(unsafe bytes.span.bytes, as: info.elementType, into: output)
  }

  func read(
    from start: Int, count: Int, as type: ElementType, into output: inout MutableRawSpan
  ) throws(CheckpointError) {
    let bytes = gathered(start, count)
    Conversion.convert(
      unsafe bytes.span.bytes, from: info.elementType, to: type, count: count, into: &output)
  }

  private func gathered(_ start: Int, _ count: Int) -> [UInt8] {
    precondition(
      start >= 0 && count >= 0 && count <= info.shape.elementCount - start,
      "elements outside the tensor")
    var bytes = [UInt8](repeating: 0, count: count * info.elementType.byteCount)
    guard count > 0 else { return bytes }
    let size = info.elementType.byteCount
    let reach = axes.reduce(0) { $0 + ($1.extent - 1) * $1.stride } + 1
    file.withBytes(offset..<(offset + reach * size)) { source in
      var span = bytes.mutableSpan
      var target = unsafe span.mutableBytes
      switch size {
      case 1: gather(source, UInt8.self, start, count, &target)
      case 2: gather(source, UInt16.self, start, count, &target)
      case 4: gather(source, UInt32.self, start, count, &target)
      default: gather(source, UInt64.self, start, count, &target)
      }
    }
    return bytes
  }

  private func gather<Element: FixedWidthInteger & BitwiseCopyable>(
    _ source: RawSpan, _: Element.Type, _ start: Int, _ count: Int,
    _ target: inout MutableRawSpan
  ) {
    let size = MemoryLayout<Element>.size
    // The index of the first element along each axis.
    var place = [Int](repeating: 0, count: axes.count)
    var rest = start
    for axis in axes.indices.reversed() {
      (rest, place[axis]) = rest.quotientAndRemainder(dividingBy: axes[axis].extent)
    }
    let inner = axes.count - 1
    var done = 0
    while done < count {
      var position = 0
      for axis in axes.indices { position += place[axis] * axes[axis].stride }
      let run = min(count - done, axes[inner].extent - place[inner])
      for i in 0..<run {
        // Safety: loads and stores check their bounds, are unaligned, and any bits are a number.
        let element = unsafe source.unsafeLoadUnaligned(
          fromByteOffset: (position + i * axes[inner].stride) * size, as: Element.self)
        target.storeBytes(of: element, toByteOffset: (done + i) * size, as: Element.self)
      }
      done += run
      place[inner] = 0
      // Carry into the outer axes.
      var axis = inner - 1
      while axis >= 0 {
        place[axis] += 1
        if place[axis] < axes[axis].extent { break }
        place[axis] = 0
        axis -= 1
      }
    }
  }
}
