// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A place where two JSON values differ, for messages.
public struct JSONDifference: Equatable, Sendable {
  /// Keys joined by dots: `training.learning_rate`.
  public var path: String
  /// Short texts of the two values; "absent" where there is none.
  public var before: String
  public var now: String

  /// The members in which two values differ, by path, sorted; of lists and scalars the whole value.
  /// `1`, `1.0` and `1e0` are the same number.
  public static func between(_ before: JSON, _ now: JSON, path: String = "") -> [JSONDifference] {
    if let a = before.object, let b = now.object {
      return Set(a.keys).union(b.keys).sorted().flatMap { key in
        between(a[key] ?? .null, b[key] ?? .null, path: path.isEmpty ? key : "\(path).\(key)")
      }
    }
    return areSame(before, now)
      ? [] : [JSONDifference(path: path, before: short(before), now: short(now))]
  }

  private static func areSame(_ a: JSON, _ b: JSON) -> Bool {
    if let a = a.double, let b = b.double { return a == b }
    if let a = a.array, let b = b.array {
      return a.count == b.count && zip(a, b).allSatisfy { between($0, $1).isEmpty }
    }
    return a == b
  }

  private static func short(_ value: JSON) -> String {
    if case .null = value { return "absent" }
    let text = value.string ?? value.serialized()
    return text.count > 32 ? text.prefix(31) + "…" : text
  }
}
