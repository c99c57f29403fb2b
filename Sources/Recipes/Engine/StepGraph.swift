// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The steps of a recipe in an order in which they can run.
public struct StepGraph: Sendable {
  /// Every step after all that it reads from; among those that could come next, the one that the
  /// recipe names first.
  public let steps: [any RecipeStep]
  private let positions: [String: Int]

  /// Checks and orders the steps of a recipe.
  ///
  /// - Throws: `RecipeError` for two steps of one name, a name that cannot be a folder, inputs
  ///   that lead nowhere or twice to one label, and cycles.
  /// - Complexity: O(n² + inputs) for n steps.
  public init(_ steps: [any RecipeStep]) throws(RecipeError) {
    var byName: [String: any RecipeStep] = [:]
    for step in steps {
      guard Self.isUsableName(step.name) else { throw .unusableName(step.name) }
      guard byName.updateValue(step, forKey: step.name) == nil else {
        throw .duplicateStep(step.name)
      }
    }
    for step in steps { try Self.checkInputs(of: step, among: steps, byName: byName) }

    var ordered: [any RecipeStep] = []
    var placed: Set<String> = []
    var waiting = steps
    while !waiting.isEmpty {
      let next = waiting.firstIndex { step in
        Self.predecessors(of: step).allSatisfy(placed.contains)
      }
      guard let next else { throw .cycle(Self.cycle(in: waiting, byName: byName)) }
      let step = waiting.remove(at: next)
      placed.insert(step.name)
      ordered.append(step)
    }
    self.steps = ordered
    positions = Dictionary(uniqueKeysWithValues: ordered.enumerated().map { ($1.name, $0) })
  }

  /// The step of that name.
  public subscript(name: String) -> (any RecipeStep)? { positions[name].map { steps[$0] } }

  /// Whether a name can be a folder's on every system.
  static func isUsableName(_ name: String) -> Bool {
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: false
      }
    }
    guard (1...100).contains(name.utf8.count), let first = name.utf8.first else { return false }
    return isAlphanumeric(first)
      && name.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
  }

  private static func predecessors(of step: any RecipeStep) -> [String] {
    step.inputs.compactMap { input in
      if case .output(let step, _) = input.source { step } else { nil }
    }
  }

  private static func checkInputs(
    of step: any RecipeStep, among steps: [any RecipeStep], byName: [String: any RecipeStep]
  ) throws(RecipeError) {
    var labels: Set<String> = []
    for input in step.inputs {
      guard labels.insert(input.label).inserted else {
        throw .duplicateInput(step: step.name, label: input.label)
      }
      guard case .output(let wanted, let output) = input.source else { continue }
      guard let source = byName[wanted] else {
        throw .unknownStep(
          step: step.name, label: input.label, wanted: wanted,
          nearest: nearestName(to: wanted, in: steps.map(\.name)))
      }
      guard source.outputs.contains(where: { $0.name == output }) else {
        throw .unknownOutput(
          step: step.name, label: input.label, of: wanted, wanted: output,
          known: source.outputs.map(\.name))
      }
    }
  }

  /// Walks from the first stuck step to one that it waits for until a name comes again.
  private static func cycle(
    in stuck: [any RecipeStep], byName: [String: any RecipeStep]
  ) -> [String] {
    let names = Set(stuck.map(\.name))
    var path: [String] = []
    var next = stuck.first?.name
    while let name = next, let step = byName[name] {
      if let start = path.firstIndex(of: name) { return path[start...] + [name] }
      path.append(name)
      next = predecessors(of: step).first(where: names.contains)
    }
    return path
  }
}
