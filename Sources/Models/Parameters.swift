// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  /// Arrays by tensor name, with a prefix for the block one is in, and the adapters that change
  /// some of them.
  package struct Parameters {
    private let arrays: [String: DeviceArray]
    private let adapters: [String: LowRankAdapter]
    private let prefix: String

    /// - Parameter adapters: by the full name of the weight they change.
    package init(_ arrays: [String: DeviceArray], adapters: [String: LowRankAdapter] = [:]) {
      self.init(arrays, adapters: adapters, prefix: "")
    }

    private init(
      _ arrays: [String: DeviceArray], adapters: [String: LowRankAdapter], prefix: String
    ) {
      self.arrays = arrays
      self.adapters = adapters
      self.prefix = prefix
    }

    /// The same arrays, named from inside `prefix`.
    func scoped(_ prefix: String) -> Parameters {
      Parameters(arrays, adapters: adapters, prefix: self.prefix + prefix)
    }

    /// The whole names of all arrays that begin with one of `prefixes`, sorted.
    func names(beginning prefixes: [String]) -> [String] {
      arrays.keys.filter { name in prefixes.contains { name.hasPrefix($0) } }.sorted()
    }

    /// Other arrays under whole names.
    func replacing(_ names: [String], with values: some Sequence<DeviceArray>) -> Parameters {
      var replaced = arrays
      for (name, value) in zip(names, values) { replaced[name] = value }
      return Parameters(replaced, prefix: prefix)
    }

    /// A name from inside the block as the checkpoint has it.
    func fullName(_ name: String) -> String { prefix + name }

    package subscript(name: String) -> DeviceArray {
      get throws {
        guard let array = arrays[prefix + name] else {
          throw ModelError.configuration(
            key: prefix + name, expected: "a tensor in the checkpoint", found: "none")
        }
        return array
      }
    }

    /// The adapter of a weight, if it has one.
    func adapter(_ name: String) -> LowRankAdapter? {
      adapters.isEmpty ? nil : adapters[prefix + name]
    }
  }
#endif
