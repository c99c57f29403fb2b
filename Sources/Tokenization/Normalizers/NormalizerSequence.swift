// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Normalizers one after the other.
public struct NormalizerSequence: Normalizer {
  public static let typeName = "Sequence"
  /// The normalizers in order.
  public let normalizers: [any Normalizer]

  /// A sequence of `normalizers`; empty leaves the text as it is.
  public init(_ normalizers: [any Normalizer]) { self.normalizers = normalizers }

  public init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    var members: [any Normalizer] = []
    for (index, member) in try reader.array("normalizers").enumerated() {
      members.append(
        try Normalizers.read(member, path: "\(path).normalizers[\(index)]", origin: origin))
    }
    try reader.finish()
    normalizers = members
  }

  public var json: JSON {
    ["type": .string(Self.typeName), "normalizers": JSON(normalizers.map(\.json))]
  }

  public func normalize(_ text: String) -> String {
    normalizers.reduce(text) { $1.normalize($0) }
  }

  public var growth: Double { normalizers.reduce(1) { $0 * $1.growth } }

  public func dropsStart(of text: String) -> Bool {
    var text = text
    for normalizer in normalizers {
      if normalizer.dropsStart(of: text) { return true }
      text = normalizer.normalize(text)
    }
    return false
  }
}
