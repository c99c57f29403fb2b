// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// One message of an event file: TensorBoard's `Event` with scalars only.
///
/// Protocol buffers, fields in order: `wall_time` (1, double), `step` (2, varint), `file_version`
/// (3, text), `summary` (5) with a `value` (1) for each scalar: `tag` (1, text) and `simple_value`
/// (2, float). As in proto3 a step of 0 is left out; a value of 0 is not, it is one of several.
///
/// **Source**: TensorBoard's `event.proto` and `summary.proto`.
public struct EventRecord: Equatable, Sendable {
  /// A scalar under its tag, such as `train/loss`.
  public struct Scalar: Equatable, Sendable {
    public var tag: String
    /// TensorBoard keeps single precision.
    public var value: Float

    public init(_ tag: String, _ value: Float) {
      self.tag = tag
      self.value = value
    }
  }

  /// Seconds since 1970.
  public var wallTime: Double
  public var step: Int
  /// Of a file's first event only: `brain.Event:2`.
  public var fileVersion: String?
  public var scalars: [Scalar]

  public init(wallTime: Double, step: Int = 0, fileVersion: String? = nil, scalars: [Scalar] = []) {
    self.wallTime = wallTime
    self.step = step
    self.fileVersion = fileVersion
    self.scalars = scalars
  }

  /// The message's bytes.
  var message: [UInt8] {
    var bytes: [UInt8] = [1 << 3 | 1] + Self.little(wallTime.bitPattern, 8)
    if step != 0 {
      bytes.append(2 << 3)
      bytes += Self.varint(UInt64(bitPattern: Int64(step)))
    }
    if let fileVersion { bytes += Self.field(3, Array(fileVersion.utf8)) }
    if !scalars.isEmpty {
      let summary = scalars.flatMap { scalar in
        Self.field(
          1,
          Self.field(1, Array(scalar.tag.utf8)) + [2 << 3 | 5]
            + Self.little(UInt64(scalar.value.bitPattern), 4))
      }
      bytes += Self.field(5, summary)
    }
    return bytes
  }

  /// The message in its frame: length, checksum of the length, message, checksum of the message.
  var frame: [UInt8] {
    let message = message
    let length = Self.little(UInt64(message.count), 8)
    return length + Self.little(UInt64(MaskedChecksum.of(length)), 4) + message
      + Self.little(UInt64(MaskedChecksum.of(message)), 4)
  }

  private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [number << 3 | 2] + varint(UInt64(bytes.count)) + bytes
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private static func little(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}

// MARK: Reading

extension EventRecord {
  /// The events of a file, and how many bytes they take; what follows is torn or damaged.
  ///
  /// Fields that this type has no place for are skipped.
  static func read(_ bytes: [UInt8]) -> (events: [EventRecord], byteCount: Int) {
    var events: [EventRecord] = []
    var position = 0
    while let next = frame(in: bytes, at: position), let event = EventRecord(message: next.message)
    {
      events.append(event)
      position = next.end
    }
    return (events, position)
  }

  private static func frame(
    in bytes: [UInt8], at start: Int
  ) -> (message: ArraySlice<UInt8>, end: Int)? {
    guard bytes.count - start >= 16 else { return nil }
    let length = number(bytes[start..<start + 8])
    guard length <= UInt64(bytes.count - start - 16),
      number(bytes[start + 8..<start + 12]) == MaskedChecksum.of(bytes[start..<start + 8])
    else { return nil }
    let end = start + 12 + Int(length)
    let message = bytes[start + 12..<end]
    guard number(bytes[end..<end + 4]) == MaskedChecksum.of(message) else { return nil }
    return (message, end + 4)
  }

  private init?(message: ArraySlice<UInt8>) {
    self.init(wallTime: 0)
    var fields = Fields(message)
    while let field = fields.next() {
      switch field {
      case .fixed(1, let bits): wallTime = Double(bitPattern: bits)
      case .varint(2, let value): step = Int(Int64(bitPattern: value))
      case .bytes(3, let text): fileVersion = String(decoding: text, as: UTF8.self)
      case .bytes(5, let summary):
        var values = Fields(summary)
        while case .bytes(_, let value)? = values.next() {
          var scalar = Scalar("", 0)
          var parts = Fields(value)
          while let part = parts.next() {
            switch part {
            case .bytes(1, let tag): scalar.tag = String(decoding: tag, as: UTF8.self)
            case .fixed(2, let bits):
              scalar.value = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
            default: break
            }
          }
          scalars.append(scalar)
        }
        if values.isDamaged { return nil }
      default: break
      }
    }
    if fields.isDamaged { return nil }
  }

  private static func number(_ bytes: some Collection<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The fields of a message, one after the other.
  private struct Fields {
    enum Field {
      case varint(UInt64, UInt64)
      case fixed(UInt64, UInt64)
      case bytes(UInt64, ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>
    private(set) var isDamaged = false

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() -> Field? {
      guard !rest.isEmpty, !isDamaged else { return nil }
      if let key = varint() {
        switch key & 7 {
        case 0: if let value = varint() { return .varint(key >> 3, value) }
        case 1: if let bytes = take(8) { return .fixed(key >> 3, EventRecord.number(bytes)) }
        case 2:
          if let count = varint(), count <= UInt64(rest.count), let bytes = take(Int(count)) {
            return .bytes(key >> 3, bytes)
          }
        case 5: if let bytes = take(4) { return .fixed(key >> 3, EventRecord.number(bytes)) }
        default: break
        }
      }
      isDamaged = true
      return nil
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
      guard rest.count >= count else { return nil }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }

    private mutating func varint() -> UInt64? {
      var value: UInt64 = 0
      for shift in stride(from: 0, through: 63, by: 7) {
        guard let byte = rest.popFirst() else { return nil }
        value |= UInt64(byte & 0x7F) << UInt64(shift)
        if byte < 0x80 { return value }
      }
      return nil
    }
  }
}
