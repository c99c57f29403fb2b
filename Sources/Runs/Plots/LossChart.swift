// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Loss over the iterations of one training step.
struct LossChart {
  let curve: LossCurve

  static let width = 320.0
  static let height = 200.0

  /// Losses on a log scale when the highest is more than eight times the lowest.
  func drawn() -> HTML {
    let training = Self.thinned(curve.training)
    let all = curve.training + curve.validation
    let losses = all.map(\.loss).filter(\.isFinite)
    let low = losses.min() ?? 0
    let high = losses.max() ?? 0
    let x = Axis(
      covering: [0] + all.map { Double($0.iteration) }, from: 40, to: Self.width - 12,
      tickCount: 4, roundEnds: false)
    let y = Axis(
      covering: losses, from: Self.height - 40, to: 12, tickCount: 5,
      isLogarithmic: low > 0 && high / low > 8)
    var svg = HTML()
    for tick in y.ticks {
      let at = y.position(tick.value)
      svg += """
        <path class="grid" d="M40 \(at)H\(Self.width - 12)"/>\
        <text class="tick" x="34" y="\(at + 4)" text-anchor="end">\(tick.label)</text>

        """
    }
    for tick in x.ticks {
      let at = x.position(tick.value)
      svg += """
        <text class="tick" x="\(at)" y="\(Self.height - 24)" text-anchor="middle">\
        \(tick.label)</text>

        """
    }
    let place = { (point: LossCurve.Point) in
      (x: x.position(Double(point.iteration)), y: y.position(point.loss))
    }
    svg += Self.line(training.map { $0.loss.isFinite ? place($0) : nil }, class: "train")
    svg += Self.line(
      curve.validation.map { $0.loss.isFinite ? place($0) : nil }, class: "valid")
    for point in curve.validation where point.loss.isFinite {
      let at = place(point)
      svg += """
        <circle class="dot" cx="\(at.x)" cy="\(at.y)" r="3"><title>\
        \("iteration \(point.iteration): held-out loss \(NumberText.fixed(point.loss, 3))")\
        </title></circle>

        """
    }
    svg += """
      <text class="name" x="\(Self.width - 12)" y="\(Self.height - 6)" text-anchor="end">\
      iteration\(y.isLogarithmic ? " · log scale" : HTML())</text>

      """
    return svg
  }

  /// A line through the points, broken where one is missing.
  static func line(_ points: [(x: Double, y: Double)?], class name: String) -> HTML {
    var path = HTML()
    var isDown = false
    for point in points {
      if let point {
        path += "\(isDown ? "L" : "M")\(point.x) \(point.y)"
        isDown = true
      } else {
        isDown = false
      }
    }
    return path.isEmpty ? path : "<path class=\"\(name)\" d=\"\(path)\"/>\n"
  }

  /// At most `limit` points: of every share the lowest and the highest, in order, so that spikes
  /// stay visible.
  static func thinned(_ points: [LossCurve.Point], limit: Int = 400) -> [LossCurve.Point] {
    guard points.count > limit else { return points }
    let shares = limit / 2
    return (0..<shares).flatMap { share -> [LossCurve.Point] in
      let part = points[(share * points.count / shares)..<((share + 1) * points.count / shares)]
      guard let low = part.min(by: { $0.loss < $1.loss }),
        let high = part.max(by: { $0.loss < $1.loss })
      else { return [] }
      if low.iteration == high.iteration { return [low] }
      return low.iteration < high.iteration ? [low, high] : [high, low]
    }
  }

  var summary: String {
    let ends = { (name: String, points: [LossCurve.Point]) in
      points.first.flatMap { first in
        points.last.map {
          "\(name) loss from \(NumberText.fixed(first.loss, 3)) to \(NumberText.fixed($0.loss, 3))"
        }
      }
    }
    let parts = [ends("training", curve.training), ends("held-out", curve.validation)]
      .compactMap { $0 }
    return parts.isEmpty ? "No losses recorded." : parts.joined(separator: "; ") + "."
  }
}
