// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Foundation
  import Testing

  @testable import Checkpoints
  @testable import Models

  /// Every family and variant against golden values of transformers.
  struct FamilyTests {
    @Test func `every family that runs has golden values, a blueprint and an own name`() {
      let families = Set(FamilyGolden.all.map(\.family))
      #expect(families == Set(DecoderFamilies.modelTypes))
      #expect(DecoderFamilies.modelTypes.count == families.count)
      #expect(Set(Blueprint.all.map(\.modelType)) == families)
    }

    @Test func `the weights are those of the golden values`() throws {
      for golden in FamilyGolden.all {
        guard let expected = golden.values["checksum"]?.double else { continue }
        let checkpoint = try golden.checkpoint()
        let sum = try checkpoint.names.reduce(0.0) { sum, name in
          try checkpoint.floats(name).reduce(sum) { $0 + Double($1) }
        }
        #expect(abs(sum - expected) < 1e-6, "\(golden.family)")
      }
    }

    @Test(arguments: FamilyGolden.all)
    func `both generations of config files mean the same model`(golden: FamilyGolden) throws {
      let old = try DecoderConfiguration(config: golden.config(4))
      #expect(try DecoderConfiguration(config: golden.config(5)) == old)
      #expect(
        try golden.checkpoint(generation: 5).names.sorted() == golden.checkpoint().names.sorted())
    }

    /// Whatever stands under a key, reading ends, with a configuration or an error that names it.
    @Test(arguments: FamilyGolden.all)
    func `no value of any key stops the reader`(golden: FamilyGolden) {
      let oddities: [JSON] = [
        nil, -1, 0, 1.5, 3, 1e300, 1e-300, 9_223_372_036_854_775_807, true, "", "x", [], [nil],
        [1, "a"], [:], ["rope_type": "yarn"], ["full_attention": [:]],
      ]
      func read(_ config: JSON) {
        do {
          let model = try DecoderConfiguration(config: config)
          for rotation in model.rotations {
            for length in [1, 100, 1 << 40] { _ = rotation.inverseFrequencies(length: length) }
          }
        } catch ModelError.configuration(let key, let expected, let found, _) {
          #expect(!key.isEmpty && !expected.isEmpty && !found.isEmpty)
        } catch ModelError.unknownArchitecture {
        } catch { Issue.record("\(error)") }
      }
      for generation in [4, 5] {
        let config = golden.config(generation)
        for key in config.object?.keys ?? [] {
          for oddity in oddities {
            var changed = config
            changed[key] = oddity
            read(changed)
          }
          for inner in config[key]?.object?.keys ?? [] {
            for oddity in oddities {
              var changed = config
              changed[key]?[inner] = oddity
              read(changed)
            }
          }
        }
      }
    }

    /// What transformers 4 sees of a config of version 5 that Koine has written.
    @Test(arguments: FamilyGolden.all)
    func `a written config means the same without the keys of version 5`(
      golden: FamilyGolden
    ) throws {
      let new = golden.config(5)
      var written = ConfigGenerations.withOlderKeys(new)
      #expect(try DecoderConfiguration(config: written) == DecoderConfiguration(config: new))
      written["rope_parameters"] = nil
      #expect(try DecoderConfiguration(config: written) == DecoderConfiguration(config: new))
    }

    @Test(arguments: FamilyGolden.all, [Kernels.best, .plain])
    func `logits and gradients equal those of transformers`(
      golden: FamilyGolden, kernels: Kernels
    ) throws {
      let parity = try FamilyParity(golden, kernels: kernels)
      let right = try parity.rightPadded()
      #expect(right < 1e-4)
      let left = try parity.cachedLeftPadded()
      #expect(left < 1e-4)
      let (loss, gradients) = try parity.gradients()
      #expect(loss < 1e-4)
      #expect(gradients < 1e-4)
    }
  }
#endif
