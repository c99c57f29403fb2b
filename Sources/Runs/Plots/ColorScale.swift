// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The colours of heat maps: steps of even lightness in OKLab, for the light and the dark theme.
///
/// A sequential scale goes from the paper to a deep (on dark paper a bright) blue; a diverging one from
/// orange over the paper to blue, equally far from the paper on both sides. The hues are those of
/// ``PlotStyle``; blue and orange stay apart for the common colour-vision deficiencies.
///
/// Source: Ottosson 2020, "A perceptual color space for image processing" (OKLab and its matrices).
enum ColorScale {
  /// The last step of a sequential scale; the first is 0.
  static let lastStep = 20
  /// Steps on each side of a diverging scale.
  static let sideSteps = 10

  /// A point in OKLab's polar form: lightness 0 to 1, chroma, hue in degrees.
  struct Color: Equatable {
    var lightness: Double
    var chroma: Double
    var hue: Double
  }

  enum Theme: CaseIterable { case light, dark }

  /// The colour of a step of a sequential scale.
  static func sequential(_ step: Int, _ theme: Theme) -> Color {
    let part = Double(step) / Double(lastStep)
    return switch theme {
    case .light:
      Color(lightness: 0.96 - 0.58 * part, chroma: 0.012 + 0.088 * part.squareRoot(), hue: 248)
    case .dark:
      Color(lightness: 0.26 + 0.60 * part, chroma: 0.015 + 0.07 * part.squareRoot(), hue: 240)
    }
  }

  /// The colour of a step of a diverging scale, −``sideSteps`` to ``sideSteps``.
  static func diverging(_ step: Int, _ theme: Theme) -> Color {
    let part = Double(abs(step)) / Double(sideSteps)
    let isCool = step >= 0
    return switch theme {
    case .light:
      Color(
        lightness: 0.96 - 0.46 * part, chroma: 0.004 + 0.116 * part, hue: isCool ? 248 : 50)
    case .dark:
      Color(lightness: 0.26 + 0.48 * part, chroma: 0.005 + 0.105 * part, hue: isCool ? 240 : 60)
    }
  }

  /// `#rrggbb`; what lies outside of sRGB is cut off.
  static func hex(_ color: Color) -> String {
    let angle = color.hue * .pi / 180
    let (a, b) = (color.chroma * cos(angle), color.chroma * sin(angle))
    func cube(_ value: Double) -> Double { value * value * value }
    let l = cube(color.lightness + 0.3963377774 * a + 0.2158037573 * b)
    let m = cube(color.lightness - 0.1055613458 * a - 0.0638541728 * b)
    let s = cube(color.lightness - 0.0894841775 * a - 1.2914855480 * b)
    let linear = [
      4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
      -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
    ]
    let bytes = linear.map { value -> Int in
      let value = min(1, max(0, value))
      let encoded = value <= 0.0031308 ? 12.92 * value : 1.055 * pow(value, 1 / 2.4) - 0.055
      return Int((encoded * 255).rounded())
    }
    return "#" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// The class of a step, `h0` to `h20`; diverging `n10` to `n1`, `p0` to `p10`.
  static func name(sequential step: Int) -> String { "h\(step)" }
  static func name(diverging step: Int) -> String { step < 0 ? "n\(-step)" : "p\(step)" }

  /// Rules for cells and for the text that follows one.
  static func rules(_ theme: Theme) -> HTML {
    let steps =
      (0...lastStep).map { (name(sequential: $0), sequential($0, theme)) }
      + (-sideSteps...sideSteps).map { (name(diverging: $0), diverging($0, theme)) }
    var css = HTML()
    for (name, color) in steps {
      // Text has the ink that is further away; the theme's own where that is the one.
      let isOwnInk = (color.lightness > 0.62) == (theme == .light)
      css += ".\(name){fill:\(hex(color))}"
      switch theme {
      case .light: if !isOwnInk { css += ".\(name)+text{fill:#fff}" }
      // Each step, for it comes after the light theme's rules.
      case .dark: css += ".\(name)+text{fill:\(isOwnInk ? "var(--ink)" : "#151618")}"
      }
    }
    return css
  }
}
