// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What can be summed over tensors.
public protocol TensorMeasures: Sendable, Equatable {
  /// Of two tensors taken together.
  static func + (left: Self, right: Self) -> Self
}

/// Measures of a model by layer and by kind of tensor, with sums along both.
///
/// Rows are the layers, and before and after them one row for each kind of tensor that stands outside
/// of layers: embeddings, the final norm, the head. Columns are the kinds of tensors in layers.
public struct LayerTable<Measures: TensorMeasures>: Sendable, Equatable {
  public struct Row: Sendable, Equatable {
    /// The stack of layers.
    public let module: String
    /// The layer, from 0; `nil` for a row of what is outside.
    public let layer: Int?
    /// What a row outside of layers holds.
    public let kind: TensorKind?
    /// `7`, `encoder 7` where there are several stacks, `embed`, `final norm`.
    public let label: String
    /// By position in ``LayerTable/kinds``; `nil` where the layer has no such tensor, and in rows
    /// outside of layers.
    public internal(set) var cells: [Measures?]
    /// The row's tensors together.
    public internal(set) var total: Measures
  }

  /// In the order of computation.
  public private(set) var rows: [Row] = []
  /// The kinds of tensors that layers have.
  public let kinds: [TensorKind]
  /// Each kind over all layers, by position in ``kinds``.
  public private(set) var kindTotals: [Measures] = []
  /// All tensors together; `nil` where there are none.
  public private(set) var total: Measures?

  /// - Parameter tensors: in the order of computation, which is also that of the sums.
  init(_ tensors: [(place: MeasuredPlace, measures: Measures)]) {
    let found = Set(tensors.filter { $0.place.layer != nil }.map(\.place.kind))
    kinds = TensorKind.allCases.filter(found.contains)
    let modules = Set(tensors.filter { $0.place.layer != nil }.map(\.place.module))
    var kindTotals: [Measures?] = kinds.map { _ in nil }
    for (place, measures) in tensors {
      let column = place.layer == nil ? nil : kinds.firstIndex(of: place.kind)
      if let last = rows.indices.last, rows[last].isHome(of: place) {
        rows[last].total = rows[last].total + measures
      } else {
        let isFinalNorm = place.isAfterLayers && place.kind == .norm
        let text =
          place.layer.map(String.init) ?? (isFinalNorm ? "final norm" : place.kind.rawValue)
        rows.append(
          Row(
            module: place.module, layer: place.layer,
            kind: place.layer == nil ? place.kind : nil,
            label: modules.count > 1 && place.module != "default"
              ? "\(place.module) \(text)" : text,
            cells: kinds.map { _ in nil }, total: measures))
      }
      if let column {
        let row = rows.count - 1
        rows[row].cells[column] = rows[row].cells[column].map { $0 + measures } ?? measures
        kindTotals[column] = kindTotals[column].map { $0 + measures } ?? measures
      }
      total = total.map { $0 + measures } ?? measures
    }
    self.kindTotals = kindTotals.compactMap { $0 }
  }
}

extension LayerTable.Row {
  fileprivate func isHome(of place: MeasuredPlace) -> Bool {
    module == place.module && layer == place.layer && (layer != nil || kind == place.kind)
  }
}
