// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Tensors

@testable import Surgery

/// The golden values of `--mergekit-exact`; see Golden/mergekit-exact/make.py.
enum ExactGolden {
  /// A group of cases with the tensors they merge.
  struct Group: Decodable {
    let type: String
    /// By shape: a base, three sources far from it, three near it.
    let inputs: [String: [String]]?
    /// For inputs that are drawn again: the seed.
    let inputSeed: UInt64?
    let cases: [Case]
  }

  struct Case: Decodable, CustomStringConvertible {
    let method: String
    let variation: String
    let base: Bool
    let sources: [Int]
    let seed: UInt64?
    let generation: String
    let shared: [String: Setting]?
    let perSource: [String: [Double]]?
    let shape: [Int]
    let type: String
    let result: String

    enum CodingKeys: String, CodingKey {
      case method, variation, base, sources, seed, generation, shared, shape, type, result
      case perSource = "per_source"
    }

    var description: String {
      "\(method) (\(variation), \(generation)) of \(shape.map(String.init).joined(separator: "x"))"
    }

    func parameters() throws -> MergekitParameters {
      var parameters = MergekitParameters()
      guard let line = MergekitGeneration(rawValue: generation) else {
        throw Unreadable(what: "generation \(generation)")
      }
      parameters.generation = line
      for (name, setting) in shared ?? [:] where !parameters.set(name, to: setting.number) {
        throw Unreadable(what: name)
      }
      for (name, values) in perSource ?? [:] {
        let name = name == "lambdas" ? "lambda" : name
        if !parameters.set(name, perSource: values) { throw Unreadable(what: name) }
      }
      return parameters
    }
  }

  /// A number or a flag.
  struct Setting: Decodable {
    let number: Double

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let flag = try? container.decode(Bool.self) {
        number = flag ? 1 : 0
      } else {
        number = try container.decode(Double.self)
      }
    }
  }

  struct Unreadable: Error {
    let what: String
  }

  static func read<Content: Decodable>(_ name: String, _ type: Content.Type) throws -> Content {
    let file = golden("mergekit-exact").appendingPathComponent("\(name).json")
    return try JSONDecoder().decode(type, from: Data(contentsOf: file))
  }

  static func doubles(_ text: String, _ type: String) throws -> [Double] {
    guard let data = Data(base64Encoded: text), let element = ElementType(torchName: type) else {
      throw Unreadable(what: "\(type) \(text.prefix(20))")
    }
    let bytes = [UInt8](data)
    func bits(_ i: Int) -> UInt64 {
      (0..<element.byteCount).reduce(0) {
        $0 | UInt64(bytes[i * element.byteCount + $1]) << (8 * $1)
      }
    }
    return try (0..<(bytes.count / element.byteCount)).map { i in
      switch element {
      case .float64: Double(bitPattern: bits(i))
      case .float32: Double(Float(bitPattern: UInt32(bits(i))))
      case .bfloat16: Double(Rounding.float(bfloat16: UInt16(bits(i))))
      case .float16: Double(Rounding.float(float16: UInt16(bits(i))))
      default: throw Unreadable(what: type)
      }
    }
  }

  /// How a result of ours compares with mergekit's.
  struct Comparison {
    var differing = 0
    var count = 0
    /// The largest difference as a share of the tensor's largest magnitude.
    var worst = 0.0
    /// The same in units of the last place of the work type at that magnitude.
    var worstUlps = 0.0
    var typeAgrees = true
  }

  /// Runs a case and compares.
  static func compare(_ item: Case, in group: Group) throws -> Comparison {
    let shape = Shape(item.shape)
    let name = item.shape.isEmpty ? "scalar" : item.shape.map(String.init).joined(separator: "x")
    let tensors: [[Double]]
    if let seed = group.inputSeed {
      tensors = drawn(count: shape.elementCount, seed: seed)
    } else {
      tensors = try (group.inputs?[name] ?? []).map { try doubles($0, group.type) }
    }
    var random = MersenneTwister(seed: item.seed ?? 0)
    let parameters = try item.parameters()
    let ours: [Double]
    let type: ElementType
    guard let element = ElementType(torchName: group.type), let work = WorkType(element) else {
      throw Unreadable(what: group.type)
    }
    if work == .float64 {
      (ours, type) = try MergekitExact.merge(
        method: item.method, base: item.base ? tensors[0] : nil,
        sources: item.sources.map { tensors[$0] }, shape: shape, parameters: parameters,
        random: &random)
    } else {
      let floats = tensors.map { $0.map { Float($0) } }
      let result = try MergekitExact.merge(
        method: item.method, base: item.base ? floats[0] : nil,
        sources: item.sources.map { floats[$0] }, shape: shape, work: work,
        parameters: parameters, random: &random)
      (ours, type) = (result.values.map { Double($0) }, result.type)
    }
    // The count must be what the merge has drawn, or the next tensor's numbers are wrong.
    var counted = MersenneTwister(seed: item.seed ?? 0)
    counted.advance(
      draws: MergekitExact.drawCount(
        method: item.method, parameters: parameters, elementCount: shape.elementCount))
    if counted.next() != random.next() { throw Unreadable(what: "the stream after \(item)") }

    let theirs = try doubles(item.result, item.type)
    var comparison = Comparison(count: theirs.count)
    comparison.typeAgrees = type.torchName == item.type && ours.count == theirs.count
    let largest = theirs.reduce(0) { max($0, $1.isFinite ? $1.magnitude : 0) }
    let digits: Double = [.float64: 0x1p-52, .bfloat16: 0x1p-7, .float16: 0x1p-10][type] ?? 0x1p-23
    for (our, their) in zip(ours, theirs) where our != their && !(our.isNaN && their.isNaN) {
      comparison.differing += 1
      let difference = (our - their).magnitude / (largest == 0 ? 1 : largest)
      comparison.worst = max(comparison.worst, difference.isNaN ? .infinity : difference)
      comparison.worstUlps = comparison.worst / digits
    }
    return comparison
  }

  /// A base uniform in [−1, 1) and three sources that differ from it by up to a half.
  static func drawn(count: Int, seed: UInt64) -> [[Double]] {
    var random = MersenneTwister(seed: seed)
    var uniform: [Float] { (0..<count).map { _ in random.uniform() * 2 - 1 } }
    let base = uniform
    let sources = (0..<3).map { _ in zip(base, uniform).map { Double($0 + $1 * 0.5) } }
    return [base.map { Double($0) }] + sources
  }
}
