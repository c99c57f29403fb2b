// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The mean of a score over repetitions of a training with different seeds, all tested on the same
/// documents, with an interval that covers both: other documents and other seeds.
///
/// Letters: S repetitions, N documents (or groups of them that are redrawn together), mₛ the score
/// of repetition s, m their mean.
///
///     low  = m − √((m − l)² + W·t²)        high = m + √((h − m)² + W·t²)
///
/// - l and h, of the documents: the ends of `Bootstrap`'s percentile interval of m, in which every
///   replicate draws N documents and all repetitions answer the same draw.
/// - W = s² ÷ S, of the seeds, with s² the variance of the mₛ (S − 1); W = 0 for S = 1.
/// - t, Student's quantile for S − 1 degrees of freedom: 12.7 for two seeds, 4.30 for three, 2.78
///   for five.
///
/// The ends are cut to the score's range. Where all seeds score alike, or there is one, this is
/// `Bootstrap`'s interval; with endless documents it is the t-interval of the mₛ. Of one seed it
/// says nothing about others.
///
/// Seeds are not resampled as documents are: the resampled mean of three seeds has ⅔ of the variance
/// that it should have, and a percentile knows nothing of 2 degrees of freedom.
///
/// **Limits.** The mₛ are taken for draws from a normal distribution, which three values can neither
/// confirm nor refute. Few seeds make wide intervals: with three the half width is at least 2.5
/// times the standard deviation of the mₛ, with two 9 times. It is on the safe side: chance in how a
/// seed meets a document is part of both terms.
///
/// **Source:** Zou, Donner 2008, "Construction of confidence limits about effect measures", for the
/// sum of squares. **Departs:** the two limits that are combined are the bootstrap's and Student's.
struct RepeatedMean {
  /// m
  let value: Double
  /// Around m; its standard error is √(V + W), V the variance of the bootstrap's replicates.
  let interval: ConfidenceInterval
  /// Two-sided, of "m is 0": 1 minus the confidence at which the interval begins to hold 0, of
  /// documents alone as `PairedComparison` describes it; at least 2 ÷ (replicates + 1).
  let pValue: Double

  /// - Parameters:
  ///   - unitCount: N.
  ///   - range: what the score can be.
  ///   - scores: of all S repetitions, in order, over units, each of which may come several times.
  init(
    unitCount: Int, bootstrap: Bootstrap,
    range: ClosedRange<Double> = -Double.infinity...Double.infinity,
    of scores: (_ units: [Int]) -> [Double]
  ) {
    let values = scores(Array(0..<unitCount))
    value = Self.mean(values)
    let draws = bootstrap.draws(unitCount: unitCount) { Self.mean(scores($0)) }
    let ofUnits = bootstrap.interval(draws)
    let smallest = 2 / Double(draws.count + 1)
    guard let error = SampleStatistics.standardError(values.map { $0 - values[0] }), error > 0
    else {
      interval = ofUnits
      let tail = min(draws.count { $0 <= 0 }, draws.count { $0 >= 0 })
      pValue = min(1, smallest * Double(1 + tail))
      return
    }
    let degrees = Double(values.count - 1)
    let ofSeeds = error * StudentT.quantile(confidence: bootstrap.confidence, degrees: degrees)
    interval = ConfidenceInterval(
      low: max(range.lowerBound, value - Self.length(value - ofUnits.low, ofSeeds)),
      high: min(range.upperBound, value + Self.length(ofUnits.high - value, ofSeeds)),
      standardError: Self.length(ofUnits.standardError, error))
    pValue = max(
      smallest,
      Self.pValue(of: value, replicates: draws.sorted(), standardError: error, degrees: degrees))
  }

  /// The mean, which of equal values is that value: their sum ÷ n may miss it by a rounding, and a
  /// difference of two such means would not be 0.
  static func mean(_ values: [Double]) -> Double {
    values[0] + SampleStatistics.mean(values.map { $0 - values[0] })
  }

  /// √(a² + b²); a side on which no replicate lies counts as 0.
  private static func length(_ a: Double, _ b: Double) -> Double {
    (max(0, a) * max(0, a) + b * b).squareRoot()
  }

  /// Bisects for the t at which the end of the interval on the side of 0 is 0.
  private static func pValue(
    of value: Double, replicates: [Double], standardError: Double, degrees: Double
  ) -> Double {
    // There the seeds' part alone reaches 0.
    var (low, high) = (0.0, abs(value) / standardError)
    for _ in 0..<200 where high - low > 1e-9 * high {
      let t = low + (high - low) / 2
      let p = StudentT.twoSidedP(t, degrees: degrees)
      let end = Bootstrap.quantile(value > 0 ? p / 2 : 1 - p / 2, of: replicates)
      let reach = length(value > 0 ? value - end : end - value, t * standardError)
      if reach < abs(value) { low = t } else { high = t }
    }
    return StudentT.twoSidedP(high, degrees: degrees)
  }
}
