// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The members of a JSON object in their order.
///
/// Keys are told apart by their UTF-8 bytes, so `Å` (U+00C5) and `Å` (U+212B) are two keys. Looking
/// up and setting take constant time, however many members there are.
public struct JSONObject: Equatable, Sendable {
  /// The keys in order.
  public private(set) var keys: [String] = []
  /// Parallel to `keys`.
  private var values: [JSON] = []
  /// Where each key stands in `keys`.
  private var places: [ExactText: Int] = [:]

  /// An empty object.
  public init() {}

  /// The value of `key`; setting a new key appends it, setting `nil` removes it.
  public subscript(key: String) -> JSON? {
    get { places[ExactText(key)].map { values[$0] } }
    set {
      guard let newValue else { return removeValue(forKey: key) }
      if let place = places[ExactText(key)] {
        values[place] = newValue
      } else {
        append(key, newValue)
      }
    }
  }

  /// Removes a member; cost O(n).
  public mutating func removeValue(forKey key: String) {
    guard let removed = places.removeValue(forKey: ExactText(key)) else { return }
    keys.remove(at: removed)
    values.remove(at: removed)
    for place in removed..<keys.count { places[ExactText(keys[place])] = place }
  }

  /// How many members there are.
  public var count: Int { keys.count }
  /// Whether there is none.
  public var isEmpty: Bool { keys.isEmpty }
  /// Keys and values in order.
  public var members: [(key: String, value: JSON)] {
    zip(keys, values).map { (key: $0, value: $1) }
  }

  public static func == (a: JSONObject, b: JSONObject) -> Bool {
    a.keys.count == b.keys.count
      && zip(a.keys, b.keys).allSatisfy { $0.isExactly($1) } && a.values == b.values
  }

  func contains(_ key: String) -> Bool { places[ExactText(key)] != nil }

  /// Adds a member whose key must be new.
  mutating func append(_ key: String, _ value: JSON) {
    places[ExactText(key)] = keys.count
    keys.append(key)
    values.append(value)
  }
}
