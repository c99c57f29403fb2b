// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import CZlib
import CZstd

/// How pages are packed, by the number in the file.
enum ParquetPacking: Int {
  case none = 0
  case snappy = 1
  case gzip = 2
  case zstd = 6

  /// The names of all numbers, for messages about those that are not read.
  static let names = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"]

  /// A page that says more is refused; usual ones have a megabyte.
  static let maximumPageBytes = 1 << 30

  /// Unpacks a page that says to have `count` bytes then; `nil` when it is damaged or has another
  /// number. Memory grows with what is really there, not with what the page says.
  func unpacked(_ bytes: ArraySlice<UInt8>, count: Int) -> [UInt8]? {
    switch self {
    case .none: bytes.count == count ? Array(bytes) : nil
    case .snappy: Snappy.unpacked(bytes, count: count)
    case .gzip: gunzipped(bytes, count: count)
    case .zstd: unzstd(bytes, count: count)
    }
  }

  private func gunzipped(_ bytes: ArraySlice<UInt8>, count: Int) -> [UInt8]? {
    var stream = z_stream()
    // 32: the head says whether it is gzip or zlib.
    guard
      inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return nil }
    defer { inflateEnd(&stream) }
    var input = Array(bytes)
    return growing(to: count, from: input.count) { output, filled in
      // Safety: zlib reads and writes within the two buffers, whose sizes it is told.
      input.withUnsafeMutableBufferPointer { source -> (Int, Bool)? in
        let consumed = Int(stream.total_in)
        guard let base = source.baseAddress, let target = output.baseAddress else { return nil }
        stream.next_in = base + consumed
        stream.avail_in = UInt32(source.count - consumed)
        stream.next_out = target + filled
        stream.avail_out = UInt32(output.count - filled)
        let status = inflate(&stream, Z_NO_FLUSH)
        guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else { return nil }
        return (output.count - Int(stream.avail_out), status == Z_STREAM_END)
      }
    }
  }

  private func unzstd(_ bytes: ArraySlice<UInt8>, count: Int) -> [UInt8]? {
    guard let context = ZSTD_createDCtx() else { return nil }
    defer { ZSTD_freeDCtx(context) }
    let input = Array(bytes)
    var consumed = 0
    return growing(to: count, from: input.count) { output, filled in
      // Safety: as above.
      input.withUnsafeBytes { bytes -> (Int, Bool)? in
        var source = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: consumed)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: filled)
        let status = ZSTD_decompressStream(context, &target, &source)
        consumed = source.pos
        return ZSTD_isError(status) == 0 ? (target.pos, status == 0) : nil
      }
    }
  }

  /// Fills an array that grows up to `count`; `step` fills from its second argument on and returns
  /// up to where it has, and whether all is done.
  private func growing(
    to count: Int, from packed: Int,
    _ step: (UnsafeMutableBufferPointer<UInt8>, Int) -> (filled: Int, isDone: Bool)?
  ) -> [UInt8]? {
    // One byte more than is needed shows whether there would be more.
    var output = [UInt8](repeating: 0, count: min(count + 1, max(4096, 4 * packed)))
    var filled = 0
    while true {
      guard let (reached, isDone) = output.withUnsafeMutableBufferPointer({ step($0, filled) })
      else { return nil }
      if isDone {
        guard reached == count else { return nil }
        output.removeLast(output.count - count)
        return output
      }
      if reached == filled, reached < output.count { return nil }  // the input has ended
      filled = reached
      if filled > count { return nil }
      if filled == output.count {
        output += [UInt8](repeating: 0, count: min(output.count, count + 1 - output.count))
      }
    }
  }
}

/// Google's Snappy, the raw format without frames, as Parquet uses it.
///
/// - Source: format_description.txt of google/snappy.
enum Snappy {
  /// `nil` for what is damaged or says another length than `count`.
  static func unpacked(_ bytes: ArraySlice<UInt8>, count: Int) -> [UInt8]? {
    let input = Array(bytes)
    var position = 0
    var length = 0
    for shift in stride(from: 0, to: 35, by: 7) {
      guard position < input.count else { return nil }
      let byte = input[position]
      position += 1
      length |= Int(byte & 0x7F) << shift
      if byte < 0x80 { break }
      if shift == 28 { return nil }
    }
    // The longest copy takes three bytes for 64.
    guard length == count, count <= 64 * input.count else { return nil }
    var output = [UInt8](repeating: 0, count: count)
    var filled = 0
    func number(_ width: Int) -> Int? {
      guard width <= input.count - position else { return nil }
      defer { position += width }
      return (0..<width).reduce(0) { $0 | Int(input[position + $1]) << (8 * $1) }
    }
    while position < input.count {
      let tag = Int(input[position])
      position += 1
      if tag & 3 == 0 {
        var size = tag >> 2
        if size >= 60 {
          guard let given = number(size - 59) else { return nil }
          size = given
        }
        size += 1
        guard size <= input.count - position, size <= count - filled else { return nil }
        for k in 0..<size { output[filled + k] = input[position + k] }
        position += size
        filled += size
        continue
      }
      let size: Int
      let distance: Int
      switch tag & 3 {
      case 1:
        guard let low = number(1) else { return nil }
        (size, distance) = ((tag >> 2 & 7) + 4, (tag >> 5) << 8 | low)
      default:
        guard let given = number(tag & 3 == 2 ? 2 : 4) else { return nil }
        (size, distance) = ((tag >> 2) + 1, given)
      }
      guard distance > 0, distance <= filled, size <= count - filled else { return nil }
      // Byte by byte: a copy may overlap itself, which is a repetition.
      for k in filled..<filled + size { output[k] = output[k - distance] }
      filled += size
    }
    return filled == count ? output : nil
  }
}
