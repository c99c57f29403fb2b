// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Testing

@testable import Surgery

/// Settings: gradients, filters, conversions and scopes.
@Suite struct MergeParameterTests {
  private func value(
    _ setting: JSON, _ kind: ParameterSetting.Kind = .number, tensor: String? = "model.norm.weight",
    at depth: Double = 0
  ) throws -> JSON? {
    switch try ParameterSetting.evaluate(setting, as: kind, name: "p", tensor: tensor, at: depth) {
    case .value(let value): value
    case .nothing: nil
    }
  }

  @Test func `a scalar is the same everywhere`() throws {
    for depth in [0, 0.5, 1] { #expect(try value(0.25, at: depth)?.double == 0.25) }
  }

  @Test(arguments: [
    (0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (0.75, 0.75), (1.0, 0.5),
  ])
  func `a list is interpolated between its points`(depth: Double, expected: Double) throws {
    #expect(try value([0, 1, 0.5], at: depth)?.double == expected)
  }

  @Test func `interpolation is in double precision, as written`() throws {
    let (a, b, t) = (0.1, 0.7, 1.0 / 3)
    #expect(try value([0.1, 0.7], at: t)?.double == (1 - t) * a + t * b)
    #expect(try value([0.3], at: 0.9)?.double == 0.3)
  }

  @Test func `an empty list is no value`() throws {
    #expect(try value([]) == nil)
  }

  @Test func `flags and texts are taken, not interpolated`() throws {
    let flags: JSON = [true, false, true]
    for (depth, expected) in [(0.0, true), (0.49, true), (0.5, false), (0.99, false), (1, true)] {
      #expect(try value(flags, .flag, at: depth)?.bool == expected)
    }
    #expect(try value(["x", "y"], .text, at: 1)?.string == "y")
  }

  @Test func `a whole number in between is an error`() throws {
    #expect(try value([1, 3], .wholeNumber, at: 0.5)?.int == 2)
    #expect(
      throws: MergeError.parameter(
        "p", value: "1.5", expected: "a whole number of at least 0")
    ) { try value([1, 2], .wholeNumber, at: 0.5) }
  }

  @Test func `the first condition that matches counts`() throws {
    let setting: JSON = [
      ["filter": "mlp", "value": 1], ["filter": "layers.1", "value": [2, 4]],
      ["filter": "*", "value": 5], ["value": 6],
    ]
    #expect(try value(setting, tensor: "model.layers.1.mlp.up_proj.weight")?.double == 1)
    // A plain part of the name: layer 11 has it too.
    #expect(try value(setting, tensor: "model.layers.11.q", at: 0.5)?.double == 3)
    #expect(try value(setting, tensor: "model.norm.weight")?.double == 5)
    #expect(try value([["filter": "mlp", "value": 1]]) == nil)
    #expect(try value(["filter": "norm", "value": 7])?.double == 7)
    #expect(try value(["value": 8])?.double == 8)
    // A dot is a dot.
    #expect(try value([["filter": "m.del", "value": 1]]) == nil)
  }

  @Test func `a matching condition with an empty list leaves the value to the next scope`() throws {
    #expect(try value([["filter": "norm", "value": []], ["value": 2]]) == nil)
  }

  private static let converted: [(JSON, ParameterSetting.Kind, JSON)] = [
    (.string("1e-3"), .number, JSON(0.001)), (.string(" 0.5 "), .number, JSON(0.5)),
    (true, .number, JSON(1.0)), (JSON(2), .number, JSON(2.0)),
    (JSON(2.0), .wholeNumber, JSON(2)), (.string("3"), .wholeNumber, JSON(3)),
    (JSON(1), .flag, true), (JSON(0.0), .flag, false), (.string("yes"), .flag, true),
    (.string("Off"), .flag, false), (.string("0"), .flag, false),
    (.string("sum"), .text, .string("sum")),
  ]

  @Test(arguments: converted)
  func `values are converted as mergekit does`(
    found: JSON, kind: ParameterSetting.Kind, expected: JSON
  ) throws {
    #expect(try value(found, kind) == expected)
  }

  private static let wrong: [(JSON, ParameterSetting.Kind)] = [
    (.string("heavy"), .number), (JSON(0.5), .flag), (.string("maybe"), .flag),
    (JSON(2.5), .wholeNumber), (JSON(-1), .wholeNumber), (JSON(1), .text),
    (.array([[1]]), .number), (.array([["value": [["value": 1]]]]), .number),
    (.array([["filter": "norm"]]), .number), (.array([1, ["value": 2]]), .number),
  ]

  @Test(arguments: wrong)
  func `what cannot be converted is an error`(found: JSON, kind: ParameterSetting.Kind) {
    #expect(throws: MergeError.self) { try value(found, kind) }
  }

  // MARK: Kinds and scopes

  @Test func `kinds of parameters are read off the method`() throws {
    func kinds(_ method: String) throws -> [String: ParameterSetting.Kind] {
      let schema = ParameterSchema(try MergeMethods.named(method))
      return Dictionary(uniqueKeysWithValues: schema.entries.map { ($0.name, $0.kind) })
    }
    #expect(try kinds("linear") == ["weight": .number, "normalize": .flag])
    let dare = try kinds("dare_ties")
    #expect(dare["seed"] == .wholeNumber && dare["lambda"] == .number)
    #expect(dare["rescale"] == .flag && dare["density"] == .number)
    #expect(try kinds("ties_sv")["protect"] == .number)
    #expect(try kinds("slerp") == ["t": .number])
  }

  @Test func `values of a model win over those for all, and defaults fill the rest`() throws {
    let method = try MergeMethods.named("ties")
    let values = try ParameterSchema(method).resolve(
      shared: ["weight": 2, "normalize": false],
      sources: [.init("a", parameters: ["weight": 0.5]), .init("b")], base: nil)
    #expect(values["weight"]?.array?.map(\.double) == [0.5, 2])
    #expect(values["density"]?.array?.map(\.double) == [1, 1])
    #expect(values["lambda"]?.double == 1)
    #expect(values["normalize"]?.bool == false)
    #expect(values["weighted_election"]?.bool == true)
  }

  @Test func `scopes are searched from the model to the top`() throws {
    let schema = ParameterSchema(try MergeMethods.named("task_arithmetic"))
    func values(_ scopes: [[String: JSON]], own: [String: JSON] = [:]) throws -> [Double?] {
      let values = try ParameterResolver(schema: schema, scopes: scopes).values(
        tensor: "out.q", inputs: [.init(reference: "m", tensor: "in.q", parameters: own)], at: 0)
      return [values["weight"]?.array?[0].double, values["lambda"]?.double]
    }
    let all: [[String: JSON]] = [
      ["weight": [["filter": "in.", "value": 2]], "lambda": [["filter": "in.", "value": 3]]],
      ["weight": 4, "lambda": [["filter": "out.", "value": 5]]], ["weight": 6, "lambda": 7],
    ]
    #expect(try values(all, own: ["weight": [["filter": "k", "value": 1]]]) == [2, 5])
    #expect(try values(all, own: ["weight": 1]) == [1, 5])
    #expect(try values(Array(all.dropFirst())) == [4, 5])
    #expect(try values([[:], [:], ["weight": 6]]) == [6, 1])
  }

  @Test func `filters that leave a tensor without a value are an error that names it`() throws {
    let shapes = MergeModels.layered(layers: 2)
    let recipe = MergeRecipe(
      method: "linear",
      models: [
        .init("a", parameters: ["weight": [["filter": "q_proj", "value": 1]]]),
        .init("b", parameters: ["weight": 1]),
      ])
    do {
      _ = try Merge.plan(recipe) { try MergeModels.llama($0, shapes) }
      Issue.record("no error")
    } catch let error as MergeError {
      #expect(
        error.description.split(separator: "\n").map(String.init) == [
          "No filter of `weight` matches the tensor `model.embed_tokens.weight`, and it has no "
            + "default.", "`weight` of model a", "End the list with a `value` that has no filter.",
        ])
    }
  }

  @Test func `a condition without a match takes the default where there is one`() throws {
    let shapes = MergeModels.layered(layers: 2)
    let recipe = MergeRecipe(
      method: "ties", models: [.init("b")], baseModel: "a",
      parameters: ["weight": 1, "density": [["filter": "q_proj", "value": 0.5]]])
    let plan = try MergePlan.make(
      recipe, from: ModelResolver { try MergeModels.llama($0.description, shapes) })
    for tensor in plan.tensors {
      let expected = tensor.name.contains("q_proj") ? 0.5 : 1.0
      #expect(tensor.parameters["density"]?.array?.map(\.double) == [expected], "\(tensor.name)")
    }
  }

  @Test func `a parameter's range is checked at both ends before a model is opened`() {
    let recipe = MergeRecipe(
      method: "ties", models: [.init("b")], baseModel: "a",
      parameters: ["weight": 1, "density": [0.5, 1.5]])
    #expect(throws: MergeError.self) {
      try Merge.plan(recipe) { _ in throw CancellationError() }
    }
  }

  @Test func `equal values make one method, and each tensor has its own values`() throws {
    let shapes = MergeModels.layered(layers: 3)
    let recipe = MergeRecipe(
      method: "linear",
      models: [.init("a", parameters: ["weight": [0, 1]]), .init("b", parameters: ["weight": 1])],
      parameters: ["normalize": false])
    let models = ["a": try MergeModels.llama("a", shapes), "b": try MergeModels.llama("b", shapes)]
    let plan = try MergePlan.make(
      recipe, from: ModelResolver { try #require(models[$0.description]) })
    for (layer, weight) in [(0, 0.0), (1, 0.5), (2, 1)] {
      let name = "model.layers.\(layer).self_attn.q_proj.weight"
      let tensor = try #require(plan.tensors.first { $0.name == name })
      #expect(tensor.parameters["weight"]?.array?.map(\.double) == [weight, 1])
      #expect(tensor.depth == weight)
      let (x, y) = (try #require(models["a"]).floats(name), try #require(models["b"]).floats(name))
      let expected = zip(x, y).map { Float(weight * Double($0) + Double($1)) }
      #expect(try plan.checkpoint.floats(name) == expected)
    }
    // What is outside the layers has the first value, the final norm too.
    for name in ["model.embed_tokens.weight", "model.norm.weight"] {
      let tensor = try #require(plan.tensors.first { $0.name == name })
      #expect(tensor.depth == 0 && tensor.parameters["weight"]?.array?[0].double == 0)
    }
  }
}
