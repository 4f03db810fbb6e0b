"""What there is in robotic theatres: models of robots, types of procedure, and kinds of service visit.

Figures are knowledge of about ±15 % unless the line says where they were checked; rates are fractions of cases.
"""

from dataclasses import dataclass
from typing import Literal

Who = Literal["anyone", "man", "woman"]


@dataclass(frozen=True)
class RobotModel:
    """A model of robot: how many arms it has, what it is for, since when there is one, and its list price."""

    name: str
    manufacturer: str
    arms: int
    release_year: int
    domain: str
    list_price_gbp_k: int


@dataclass(frozen=True)
class Procedure:
    """A type of procedure for robots of `domain`: skin-to-skin minutes, median blood loss, rates and nights after."""

    name: str
    category: str
    mean_minutes: int
    sd_minutes: int
    complexity: int
    blood_loss_ml: int
    complication: float
    conversion: float
    stay_days: float
    readmission: float
    domain: str = "soft_tissue"
    who: Who = "anyone"


@dataclass(frozen=True)
class Visit:
    """A kind of service visit: every `interval_days` (on average, for a fault), hours of downtime, cost in pounds."""

    name: str
    interval_days: int
    is_emergency: bool
    downtime_hours: float
    cost_low_gbp: int
    cost_high_gbp: int


MODELS = (
    RobotModel("da Vinci Si", "Intuitive Surgical", 4, 2009, "soft_tissue", 900),
    RobotModel("da Vinci Xi", "Intuitive Surgical", 4, 2014, "soft_tissue", 1700),
    RobotModel("da Vinci X", "Intuitive Surgical", 4, 2017, "soft_tissue", 1300),
    RobotModel("da Vinci SP", "Intuitive Surgical", 1, 2018, "single_port", 1600),
    RobotModel("da Vinci 5", "Intuitive Surgical", 4, 2024, "soft_tissue", 2200),
    RobotModel("Versius", "CMR Surgical", 4, 2019, "soft_tissue", 1100),
    RobotModel("Hugo RAS", "Medtronic", 4, 2021, "soft_tissue", 1200),
    RobotModel("Senhance", "Asensus Surgical", 4, 2016, "soft_tissue", 1000),
    RobotModel("hinotori", "Medicaroid", 4, 2020, "soft_tissue", 1100),
    RobotModel("Toumai", "MicroPort MedBot", 4, 2022, "soft_tissue", 1000),
    RobotModel("Mako SmartRobotics", "Stryker", 1, 2017, "joint", 850),
    RobotModel("ROSA Knee", "Zimmer Biomet", 1, 2019, "joint", 600),
    RobotModel("CORI", "Smith+Nephew", 1, 2020, "joint", 400),
    RobotModel("Mazor X Stealth", "Medtronic", 1, 2018, "spine", 900),
)

PROCEDURES = (
    Procedure("Radical prostatectomy", "urology", 185, 50, 7, 150, 0.1, 0.005, 1.5, 0.045, who="man"),
    Procedure("Partial nephrectomy", "urology", 185, 50, 8, 150, 0.15, 0.02, 2.5, 0.05),
    Procedure("Radical nephrectomy", "urology", 165, 50, 6, 100, 0.14, 0.02, 2.5, 0.05),
    Procedure("Nephroureterectomy", "urology", 230, 60, 7, 150, 0.2, 0.02, 4.0, 0.08),
    Procedure("Radical cystectomy", "urology", 340, 80, 10, 300, 0.41, 0.015, 7.0, 0.2),
    Procedure("Pyeloplasty", "urology", 160, 45, 6, 40, 0.08, 0.005, 1.5, 0.04),
    Procedure("Simple prostatectomy", "urology", 170, 50, 6, 250, 0.14, 0.01, 2.0, 0.05, who="man"),
    Procedure("Ureteric reimplantation", "urology", 190, 55, 7, 60, 0.12, 0.01, 2.5, 0.06),
    Procedure("Adrenalectomy", "endocrine", 120, 40, 6, 50, 0.08, 0.015, 2.0, 0.035),
    Procedure("Hysterectomy benign", "gynaecology", 150, 45, 5, 50, 0.12, 0.015, 1.0, 0.03, who="woman"),
    Procedure("Hysterectomy endometrial cancer", "gynaecology", 180, 50, 6, 80, 0.14, 0.02, 1.5, 0.045, who="woman"),
    Procedure("Radical hysterectomy", "gynaecology", 240, 60, 8, 120, 0.2, 0.015, 3.0, 0.07, who="woman"),
    Procedure("Myomectomy", "gynaecology", 155, 50, 6, 120, 0.08, 0.01, 1.5, 0.03, who="woman"),
    Procedure("Sacrocolpopexy", "gynaecology", 185, 45, 7, 50, 0.1, 0.01, 1.5, 0.035, who="woman"),
    Procedure("Endometriosis excision", "gynaecology", 150, 55, 7, 50, 0.09, 0.01, 1.5, 0.035, who="woman"),
    Procedure("Oophorectomy / salpingectomy", "gynaecology", 85, 30, 3, 20, 0.05, 0.005, 0.5, 0.02, who="woman"),
    Procedure("Right hemicolectomy", "colorectal", 190, 50, 6, 60, 0.2, 0.03, 4.5, 0.08),
    Procedure("Left / sigmoid colectomy", "colorectal", 215, 60, 7, 75, 0.2, 0.05, 4.5, 0.085),
    Procedure("Low anterior resection", "colorectal", 265, 70, 9, 100, 0.3, 0.081, 6.5, 0.12),
    Procedure("Abdominoperineal resection", "colorectal", 290, 75, 9, 150, 0.35, 0.06, 8.0, 0.14),
    Procedure("Ventral rectopexy", "colorectal", 140, 40, 5, 25, 0.08, 0.01, 1.5, 0.03),
    Procedure("Cholecystectomy", "general_surgery", 98, 30, 3, 20, 0.05, 0.005, 1.2, 0.025),
    Procedure("Appendicectomy", "general_surgery", 82, 25, 3, 15, 0.06, 0.005, 1.2, 0.025),
    Procedure("Inguinal hernia repair", "general_surgery", 102, 38, 3, 10, 0.12, 0.002, 0.3, 0.015),
    Procedure("Ventral / incisional hernia repair", "general_surgery", 135, 50, 5, 25, 0.12, 0.01, 1.2, 0.035),
    Procedure("Nissen fundoplication", "upper_gi", 120, 35, 5, 20, 0.08, 0.007, 1.3, 0.04),
    Procedure("Heller myotomy", "upper_gi", 140, 35, 6, 30, 0.07, 0.007, 1.5, 0.035),
    Procedure("Sleeve gastrectomy", "bariatric", 85, 28, 5, 25, 0.06, 0.001, 1.7, 0.03),
    Procedure("Roux-en-Y gastric bypass", "bariatric", 125, 35, 7, 30, 0.1, 0.002, 2.0, 0.055),
    Procedure("Gastrectomy", "upper_gi", 290, 70, 9, 100, 0.25, 0.03, 8.0, 0.09),
    Procedure("Oesophagectomy", "upper_gi", 400, 90, 10, 200, 0.55, 0.04, 11.0, 0.15),
    Procedure("Distal pancreatectomy", "hpb", 190, 70, 8, 100, 0.39, 0.031, 6.0, 0.16),
    Procedure("Pancreatoduodenectomy (Whipple)", "hpb", 450, 90, 10, 250, 0.55, 0.042, 9.0, 0.19),
    Procedure("Liver resection (minor)", "hpb", 210, 75, 8, 150, 0.2, 0.04, 4.5, 0.08),
    Procedure("Lung lobectomy", "thoracic", 185, 55, 8, 80, 0.28, 0.047, 4.5, 0.08),
    Procedure("Segmentectomy", "thoracic", 165, 50, 8, 60, 0.22, 0.03, 3.5, 0.065),
    Procedure("Thymectomy", "thoracic", 130, 45, 7, 30, 0.1, 0.015, 2.5, 0.035),
    Procedure("TORS oropharyngectomy", "ent", 80, 45, 7, 30, 0.15, 0.002, 2.5, 0.08),
    Procedure("Thyroidectomy (remote access)", "ent", 165, 45, 6, 20, 0.08, 0.002, 1.5, 0.025),
    Procedure("Mitral valve repair", "cardiac", 270, 60, 10, 300, 0.25, 0.03, 5.5, 0.09),
    Procedure("Total knee replacement", "orthopaedics", 85, 25, 4, 150, 0.05, 0.0, 2.0, 0.03, domain="joint"),
    Procedure("Partial knee replacement", "orthopaedics", 75, 20, 4, 100, 0.04, 0.0, 1.2, 0.02, domain="joint"),
    Procedure("Total hip replacement", "orthopaedics", 85, 25, 4, 250, 0.05, 0.0, 2.2, 0.035, domain="joint"),
    Procedure("Spinal fusion (pedicle screw)", "orthopaedics", 190, 60, 7, 250, 0.14, 0.005, 3.5, 0.06, domain="spine"),
)

VISITS = (
    Visit("instrument_inspection", 7, False, 1.0, 50, 300),
    Visit("preventive_quarterly", 90, False, 6.0, 1500, 5000),
    Visit("preventive_annual", 365, False, 16.0, 6000, 15000),
    Visit("calibration", 180, False, 4.0, 800, 2500),
    Visit("software_update", 180, False, 4.0, 0, 3000),
    Visit("sterilisation_drape_adapter", 30, False, 1.0, 100, 500),
    Visit("corrective_minor", 60, True, 4.0, 500, 5000),
    Visit("corrective_major", 400, True, 48.0, 8000, 60000),
    Visit("arm_or_camera_replacement", 700, True, 30.0, 10000, 80000),
)
