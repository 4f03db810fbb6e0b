"""The laboratory's tests: units, LOINC codes, reference ranges of men and women, and what a body can do at most."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LabTest:
    """A test. Its values are written with `decimals` places; ranges are inclusive, of adults."""

    code: str
    name: str
    loinc: str
    unit: str
    decimals: int
    men: tuple[float, float]
    women: tuple[float, float]
    physical: tuple[float, float]
    panel: str


def _same(
    code: str,
    name: str,
    loinc: str,
    unit: str,
    decimals: int,
    both: tuple[float, float],
    physical: tuple[float, float],
    panel: str,
) -> LabTest:
    return LabTest(code, name, loinc, unit, decimals, both, both, physical, panel)


TESTS = (
    LabTest("haemoglobin", "Haemoglobin", "718-7", "g/L", 0, (130, 170), (115, 155), (30, 230), "fbc"),
    _same("wcc", "White cell count", "6690-2", "10^9/L", 1, (4.0, 11.0), (0.1, 100), "fbc"),
    _same("neutrophils", "Neutrophils", "751-8", "10^9/L", 1, (2.0, 7.5), (0, 80), "fbc"),
    _same("lymphocytes", "Lymphocytes", "731-0", "10^9/L", 1, (1.0, 4.0), (0, 60), "fbc"),
    _same("platelets", "Platelets", "777-3", "10^9/L", 0, (150, 410), (2, 1500), "fbc"),
    _same("inr", "International normalised ratio", "6301-6", "ratio", 1, (0.8, 1.2), (0.7, 15), "coagulation"),
    _same("sodium", "Sodium", "2951-2", "mmol/L", 0, (133, 146), (100, 185), "ue"),
    _same("potassium", "Potassium", "2823-3", "mmol/L", 1, (3.5, 5.3), (1.5, 9.0), "ue"),
    _same("chloride", "Chloride", "2075-0", "mmol/L", 0, (95, 108), (70, 140), "ue"),
    _same("bicarbonate", "Bicarbonate", "1963-8", "mmol/L", 1, (22, 29), (3, 50), "ue"),
    _same("urea", "Urea", "22664-7", "mmol/L", 1, (2.5, 7.8), (0.5, 80), "ue"),
    LabTest("creatinine", "Creatinine", "14682-9", "umol/L", 0, (59, 104), (45, 84), (15, 2000), "ue"),
    _same("egfr", "Estimated GFR (CKD-EPI 2021)", "62238-1", "mL/min/1.73m2", 0, (60, 120), (2, 150), "ue"),
    _same("crp", "C-reactive protein", "1988-5", "mg/L", 0, (0, 5), (0, 600), "crp"),
    _same("procalcitonin", "Procalcitonin", "33959-8", "ug/L", 2, (0, 0.1), (0, 200), "procalcitonin"),
    _same("albumin", "Albumin", "1751-7", "g/L", 0, (35, 50), (8, 60), "lft"),
    _same("bilirubin", "Bilirubin", "14631-6", "umol/L", 0, (0, 21), (0, 900), "lft"),
    LabTest("alt", "Alanine aminotransferase", "1742-6", "U/L", 0, (10, 50), (10, 35), (3, 15000), "lft"),
    _same("alp", "Alkaline phosphatase", "6768-6", "U/L", 0, (30, 130), (10, 3000), "lft"),
    _same("calcium_adj", "Adjusted calcium", "29265-6", "mmol/L", 2, (2.20, 2.60), (1.2, 5.0), "bone"),
    _same("phosphate", "Phosphate", "14879-1", "mmol/L", 2, (0.80, 1.50), (0.1, 5.0), "bone"),
    _same("magnesium", "Magnesium", "2601-3", "mmol/L", 2, (0.70, 1.00), (0.2, 3.0), "bone"),
    _same("glucose", "Glucose", "14749-6", "mmol/L", 1, (4.0, 7.8), (0.5, 80), "glucose"),
    _same("ketones", "Ketones", "6873-4", "mmol/L", 1, (0, 0.6), (0, 15), "ketones"),
    _same("troponin_t_hs", "High-sensitivity troponin T", "67151-1", "ng/L", 0, (0, 14), (3, 50000), "troponin"),
    _same("nt_probnp", "NT-proBNP", "33762-6", "ng/L", 0, (0, 400), (5, 70000), "bnp"),
    _same("ph", "Blood pH", "2744-1", "pH", 2, (7.35, 7.45), (6.60, 7.80), "gas"),
    _same("pco2", "Partial pressure of carbon dioxide", "2019-8", "kPa", 1, (4.7, 6.0), (1.5, 16), "gas"),
    _same("lactate", "Lactate", "2524-7", "mmol/L", 1, (0.5, 2.0), (0.2, 25), "gas"),
)
