// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A closed interval of real numbers, 95% unless said otherwise.
public struct Interval: Codable, Sendable, Equatable {
  /// Lower end; not above `high`.
  public var low: Double
  /// Upper end.
  public var high: Double

  public init(low: Double, high: Double) {
    self.low = low
    self.high = high
  }

  /// Half the width.
  public var halfWidth: Double { (high - low) / 2 }
  /// Whether both ends lie on one side of zero: the sign of what it measures is settled.
  public var excludesZero: Bool { low > 0 || high < 0 }
}

/// A measured number with what is known about its uncertainty.
public struct Estimate: Codable, Sendable, Equatable {
  /// The point estimate.
  public var value: Double
  /// 95% interval; `nil` when none was computed.
  public var interval: Interval?
  /// Standard error; `nil` when none was computed.
  public var standardError: Double?
  /// Number of documents or rows it was measured on; `nil` when not recorded.
  public var count: Int?

  public init(
    _ value: Double, interval: Interval? = nil, standardError: Double? = nil, count: Int? = nil
  ) {
    self.value = value
    self.interval = interval
    self.standardError = standardError
    self.count = count
  }

  enum CodingKeys: String, CodingKey {
    case value, interval, count
    case standardError = "standard_error"
  }
}

/// Two models on the same rows.
public struct PairedComparison: Codable, Sendable, Equatable {
  /// The model compared with.
  public var against: String
  /// The metric: "acc".
  public var metric: String
  /// This model minus the other, with its paired 95% interval.
  public var difference: Estimate
  /// Two-sided p value of no difference; `nil` when not computed.
  public var pValue: Double?

  public init(against: String, metric: String, difference: Estimate, pValue: Double? = nil) {
    self.against = against
    self.metric = metric
    self.difference = difference
    self.pValue = pValue
  }

  enum CodingKeys: String, CodingKey {
    case against, metric, difference
    case pValue = "p_value"
  }
}
