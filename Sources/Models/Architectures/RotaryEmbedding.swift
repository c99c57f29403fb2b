// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// How positions turn the numbers of a head, as a configuration asks for it.
///
/// Pair i of R/2 is turned by position · fᵢ. Without scaling fᵢ = θ^(−2i/R); the kinds of scaling
/// change the frequencies so that texts longer than the training's stay within what was seen:
///
/// - `linear`: fᵢ / s.
/// - `dynamic`: θ grows with the text, θ · (s·L/M − (s − 1))^(R/(R − 2)) beyond M positions.
/// - `llama3`: wavelengths beyond L₀/low get fᵢ / s, those below L₀/high keep fᵢ, with a straight
///   line in between.
/// - `yarn`: the same idea with a ramp over i, and an amplitude.
/// - `longrope`: a list of divisors of fᵢ up to L₀ positions, another beyond, and an amplitude.
///
/// - Source: Su et al. 2021, arXiv:2104.09864; Chen et al. 2023, arXiv:2306.15595 (linear); Peng et
///   al. 2023, arXiv:2309.00071 (dynamic in appendix B.2, yarn in §3); Grattafiori et al. 2024,
///   arXiv:2407.21783 (llama3); Ding et al. 2024, arXiv:2402.13753 (longrope).
/// - Departs: nothing from transformers; frequencies are computed in `Double` and rounded once.
struct RotaryEmbedding: Equatable, Sendable {
  /// How the frequencies depend on the length of the text.
  private enum Frequencies: Equatable, Sendable {
    case fixed([Float])
    /// θ, s and M
    case growing(theta: Double, factor: Double, positions: Int)
    case switching(short: [Float], long: [Float], positions: Int)
  }

  /// R: so many of a head's numbers are turned; even.
  let size: Int
  /// Multiplies cosines and sines.
  private(set) var amplitude: Float = 1
  private var frequencies: Frequencies

  /// The frequencies (R/2) for a text of `length` tokens.
  func inverseFrequencies(length: Int) -> [Float] {
    switch frequencies {
    case .fixed(let numbers): return numbers
    case .switching(let short, let long, let positions): return length > positions ? long : short
    case .growing(let theta, let factor, let positions):
      let stretch = factor * Double(max(length, positions)) / Double(positions) - (factor - 1)
      let grown = theta * pow(stretch, Double(size) / Double(size - 2))
      return Self.powers(grown, size).map { Float($0) }
    }
  }

  /// How often the configuration's positions a text may fill: `dynamic` stretches beyond them, by
  /// its factor as far as anybody has shown.
  var stretch: Double {
    if case .growing(_, let factor, _) = frequencies { max(1, factor) } else { 1 }
  }

  /// Whether texts of `before` and of `after` tokens have different sets of frequencies for good.
  func switches(from before: Int, to after: Int) -> Bool {
    guard case .switching(_, _, let positions) = frequencies else { return false }
    return (before > positions) != (after > positions)
  }

  /// θ^(−2i/R) for i < R/2.
  private static func powers(_ theta: Double, _ size: Int) -> [Double] {
    (0..<size / 2).map { pow(theta, -2 * Double($0) / Double(size)) }
  }

  // MARK: - Reading

  /// Reads the rotation of one kind of layers, from `rope_parameters` (transformers 5), or
  /// `rope_theta` and `rope_scaling` (before); where a file has both scalings the older key wins.
  ///
  /// - Parameters:
  ///   - kind: for families whose kinds of layers turn differently: `rope_parameters` then has a
  ///     section for each, and the older keys are `rope_theta` with `rope_scaling` for the full
  ///     layers and `rope_local_base_freq` for the sliding ones.
  ///   - mayBePartial: whether `partial_rotary_factor` counts; elsewhere only 1 is accepted.
  ///   - types: which kinds of scaling there are, with what they mean.
  init(
    _ config: ConfigurationReader, headSize: Int, kind: ConfigurationReader.LayerKind? = nil,
    mayBePartial: Bool = false, types: [String: String] = Self.allTypes
  ) throws(ModelError) {
    let parameters = try RotaryParameters(config, kind: kind)
    let share = try parameters.share()
    guard mayBePartial || share == 1 else {
      throw .configuration(
        key: "partial_rotary_factor", expected: "1 in this kind of model", found: "\(share)")
    }
    size = share <= 1 ? Int(Double(headSize) * share) : 0
    guard size >= 2, size % 2 == 0 else {
      throw .configuration(
        key: "partial_rotary_factor",
        expected: "a share of head_dim (\(headSize)) that is an even number", found: "\(share)")
    }
    let theta = try parameters.theta()
    let plain = Self.powers(theta, size)
    let name = try parameters.type()
    guard let type = types[name] else {
      throw .configuration(
        key: parameters.path("rope_type"),
        expected: types.keys.sorted().map { "`\($0)`" }.joined(separator: ", "),
        found: "`\(name)`")
    }
    frequencies = .fixed(plain.map { Float($0) })
    switch type {
    case "linear":
      let factor = try parameters.number("factor")
      frequencies = .fixed(plain.map { Float($0 / factor) })
    case "dynamic":
      guard size > 2 else {
        throw .configuration(
          key: "head_dim", expected: "more than 2 with a dynamic rotation", found: "\(headSize)")
      }
      frequencies = .growing(
        theta: theta, factor: try parameters.number("factor"),
        positions: try config.size("max_position_embeddings"))
    case "llama3": frequencies = .fixed(try Self.llama3(plain, parameters))
    case "yarn": try setYarn(plain, theta: theta, parameters)
    case "longrope": try setLong(plain, parameters)
    default: break
    }
  }

  /// The kinds of scaling that most classes of transformers know.
  static let allTypes = Dictionary(
    uniqueKeysWithValues: ["default", "linear", "dynamic", "llama3", "yarn", "longrope"].map {
      ($0, $0)
    })

  private static func llama3(
    _ plain: [Double], _ parameters: RotaryParameters
  ) throws(ModelError) -> [Float] {
    let factor = try parameters.number("factor")
    let low = try parameters.number("low_freq_factor")
    let high = try parameters.number("high_freq_factor")
    let positions = try Double(parameters.originalPositions())
    guard high > low else {
      throw .configuration(
        key: parameters.path("high_freq_factor"), expected: "more than low_freq_factor (\(low))",
        found: "\(high)")
    }
    return plain.map { frequency in
      let wavelength = 2 * Double.pi / frequency
      if wavelength > positions / low { return Float(frequency / factor) }
      if wavelength < positions / high { return Float(frequency) }
      let t = (positions / wavelength - low) / (high - low)
      return Float(frequency * ((1 - t) / factor + t))
    }
  }

  private mutating func setYarn(
    _ plain: [Double], theta: Double, _ parameters: RotaryParameters
  ) throws(ModelError) {
    let original = try parameters.originalPositions()
    let factor = try parameters.factor(original: original)
    guard theta > 1 else {
      throw .configuration(
        key: parameters.path("rope_theta"), expected: "more than 1 with `yarn`", found: "\(theta)")
    }
    func magnitude(_ multiplier: Double) -> Double {
      factor <= 1 ? 1 : 0.1 * multiplier * log(factor) + 1
    }
    if let given = try parameters.optionalNumber("attention_factor") {
      amplitude = Float(given)
    } else if let some = try parameters.optionalTruthyNumber("mscale"),
      let all = try parameters.optionalTruthyNumber("mscale_all_dim")
    {
      amplitude = Float(magnitude(some) / magnitude(all))
    } else {
      amplitude = Float(magnitude(1))
    }
    /// The pair that turns so many times within the original positions.
    func pair(turns: Double) -> Double {
      Double(size) * log(Double(original) / (turns * 2 * .pi)) / (2 * log(theta))
    }
    var low = pair(turns: try parameters.optionalTruthyNumber("beta_fast") ?? 32)
    var high = pair(turns: try parameters.optionalTruthyNumber("beta_slow") ?? 1)
    if try parameters.flag("truncate", absent: true) {
      (low, high) = (low.rounded(.down), high.rounded(.up))
    }
    low = max(low, 0)
    high = min(high, Double(size - 1))
    if low == high { high += 0.001 }
    frequencies = .fixed(
      plain.enumerated().map { index, frequency in
        let ramp = min(1, max(0, (Double(index) - low) / (high - low)))
        return Float(frequency / factor * ramp + frequency * (1 - ramp))
      })
  }

  private mutating func setLong(
    _ plain: [Double], _ parameters: RotaryParameters
  ) throws(ModelError) {
    let original = try parameters.originalPositions()
    let factor = try parameters.factor(original: original)
    if let given = try parameters.optionalNumber("attention_factor") {
      amplitude = Float(given)
    } else if factor > 1, original > 1 {
      amplitude = Float((1 + log(factor) / log(Double(original))).squareRoot())
    }
    let short = try parameters.list("short_factor", count: size / 2)
    let long = try parameters.list("long_factor", count: size / 2)
    frequencies = .switching(
      short: zip(plain, short).map { Float($0 / $1) },
      long: zip(plain, long).map { Float($0 / $1) }, positions: original)
  }
}
