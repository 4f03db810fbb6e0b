"""What staff write: the phrases that notes are put together from.

A phrase says nothing that rows could contradict; what rows say is put in from them.
"""

PRESENTING = {
    "sepsis": (
        "rigors and feeling very unwell",
        "suspected sepsis, source under investigation",
        "two days of rigors and lethargy",
    ),
    "pneumonia": (
        "productive cough and breathlessness",
        "cough with green sputum and pleuritic pain",
        "worsening cough over four days",
    ),
    "copd_exac": (
        "increasing wheeze and breathlessness, known COPD",
        "an exacerbation of known COPD",
        "more sputum and wheeze than usual, known COPD",
    ),
    "heart_failure": (
        "breathlessness and swollen legs",
        "orthopnoea and ankle swelling",
        "weight gain and breathlessness on lying flat",
    ),
    "acute_mi": (
        "central chest pain with ECG changes",
        "crushing chest pain radiating to the left arm",
        "chest pain and sweating, ECG changes noted",
    ),
    "stroke": (
        "sudden weakness of one side",
        "facial droop and slurred speech",
        "sudden speech disturbance and arm weakness",
    ),
    "dka": (
        "vomiting, thirst and high capillary glucose",
        "abdominal pain and vomiting, known diabetes",
        "thirst and vomiting after missed insulin",
    ),
    "aki": (
        "poor oral intake and reduced urine output",
        "diarrhoea and dehydration",
        "abnormal kidney function on community bloods",
    ),
    "hip_fracture": (
        "hip pain after a fall, unable to bear weight",
        "a fall at home and a shortened, rotated leg",
        "a fall from standing height with hip pain",
    ),
    "gi_bleed": ("black stools", "vomiting of blood", "melaena and light-headedness"),
    "postop_elective": ("planned surgery", "an elective operation", "surgery from the waiting list"),
    "chest_pain": ("chest pain, now settled", "intermittent chest pain", "chest discomfort at rest"),
    "arrhythmia": ("palpitations", "an irregular pulse and light-headedness", "palpitations since the morning"),
    "syncope_collapse": (
        "a collapse with loss of consciousness",
        "a witnessed faint on standing",
        "a collapse at home",
    ),
    "frailty_fall": (
        "a fall at home and a long lie",
        "repeated falls and reduced mobility",
        "a fall, not managing at home",
    ),
    "delirium": (
        "fluctuating confusion over some days",
        "a change in behaviour noticed by the family",
        "disturbed sleep and disorientation at home",
    ),
    "cellulitis": (
        "a red, hot, swollen leg",
        "spreading redness of the lower leg",
        "skin infection not settling on tablets",
    ),
    "uti": ("dysuria and loin pain", "urinary frequency and feeling feverish", "urinary symptoms and shivering"),
    "seizure": ("a witnessed seizure", "a seizure, now stopped", "a cluster of seizures"),
    "overdose": ("an intentional overdose", "a mixed overdose taken last night", "ingestion of tablets"),
    "asthma": (
        "wheeze not settling with an inhaler",
        "an acute attack of asthma",
        "tight chest and wheeze since the night",
    ),
    "acute_abdomen": ("acute abdominal pain", "abdominal pain and vomiting", "severe pain in the lower abdomen"),
    "biliary": (
        "right upper quadrant pain",
        "pain after meals, now constant, under the right ribs",
        "upper abdominal pain and nausea",
    ),
    "limb_fracture": (
        "a limb injury after a fall",
        "a fracture seen on X-ray",
        "pain and deformity of a limb after an accident",
    ),
    "elective_medical": ("planned investigation", "a planned treatment", "planned assessment and treatment"),
    "renal_colic": ("severe loin to groin pain", "colicky flank pain", "sudden flank pain and vomiting"),
    "gynaecology": ("lower abdominal pain", "heavy bleeding and cramps", "pelvic pain"),
    "child_respiratory": (
        "cough and poor feeding",
        "noisy breathing and cough",
        "a cold followed by laboured breathing",
    ),
    "child_infection": ("fever at home and poor intake", "a high temperature at home", "fever and vomiting at home"),
    "child_injury": ("an injury after a fall", "an injury at play", "a playground accident"),
}
PLANS = {
    "sepsis": (
        "IV antibiotics, fluids and lactate, cultures sent",
        "sepsis bundle, fluid balance, source review",
        "continue antibiotics, watch urine output",
    ),
    "pneumonia": (
        "antibiotics, chest X-ray, sputum culture",
        "continue antibiotics, sit out, chest physiotherapy",
        "antibiotics as per guideline",
    ),
    "copd_exac": (
        "nebulisers, steroids, controlled oxygen if needed",
        "steroids and nebulisers, smoking advice",
        "continue nebulisers, respiratory team to see",
    ),
    "heart_failure": (
        "IV furosemide, daily weights, fluid balance",
        "continue diuretics, echocardiogram",
        "diuretics, daily U&E, heart failure team to see",
    ),
    "acute_mi": (
        "dual antiplatelets, telemetry, angiography",
        "cardiac monitoring, echocardiogram",
        "secondary prevention, cardiac rehabilitation referral",
    ),
    "stroke": (
        "CT head, swallow screen, stroke team",
        "therapy assessments, swallow review",
        "continue rehabilitation, blood pressure targets",
    ),
    "dka": (
        "fixed-rate insulin, fluids, potassium hourly as needed",
        "DKA protocol, ketones and glucose",
        "convert to subcutaneous insulin when eating, diabetes team",
    ),
    "aki": (
        "IV fluids, stop nephrotoxic drugs, fluid balance",
        "renal ultrasound, daily U&E",
        "continue fluids, review medicines",
    ),
    "hip_fracture": (
        "analgesia, nerve block, theatre list",
        "physiotherapy, orthogeriatric review",
        "mobilise with therapy, bone health review",
    ),
    "gi_bleed": (
        "PPI, group and save, endoscopy",
        "repeat Hb, watch for further bleeding",
        "endoscopy list, hold anticoagulants",
    ),
    "postop_elective": (
        "analgesia, early mobilisation, VTE prophylaxis",
        "routine postoperative care, wound check",
        "step down analgesia, physiotherapy",
    ),
    "chest_pain": ("serial troponin and ECG", "repeat ECG, home if troponin unchanged", "risk score and follow-up"),
    "arrhythmia": (
        "rate control, telemetry, electrolytes",
        "anticoagulation decision, echocardiogram",
        "continue rate control",
    ),
    "syncope_collapse": (
        "ECG, lying and standing BP, telemetry",
        "review medicines, postural BP",
        "echocardiogram and tape",
    ),
    "frailty_fall": (
        "comprehensive geriatric assessment",
        "therapy assessment, medicines review",
        "falls risk plan, home circumstances with therapy",
    ),
    "delirium": (
        "look for causes, reorientation, avoid sedatives",
        "delirium screen, family involvement",
        "sleep hygiene, medicines review",
    ),
    "cellulitis": (
        "IV antibiotics, mark the margin, elevate",
        "continue antibiotics, review margin",
        "switch to oral antibiotics when ready",
    ),
    "uti": (
        "antibiotics, urine culture, fluids",
        "continue antibiotics, chase culture",
        "bladder scan, antibiotics as per culture",
    ),
    "seizure": (
        "anti-seizure medicine review, first-fit clinic",
        "observe, CT if not back to normal",
        "continue regular medicines, neurology advice",
    ),
    "overdose": (
        "antidote as per guideline, mental health review",
        "repeat bloods, mental health liaison",
        "observe, liaison team to see",
    ),
    "asthma": (
        "nebulisers, steroids, peak flow chart",
        "continue steroids, inhaler technique",
        "wean nebulisers, asthma nurse to see",
    ),
    "acute_abdomen": (
        "nil by mouth, fluids, CT abdomen",
        "surgical review, analgesia",
        "antibiotics, repeat examination",
    ),
    "biliary": ("antibiotics, ultrasound, analgesia", "MRCP, continue antibiotics", "surgical plan, low-fat diet"),
    "limb_fracture": (
        "splint, analgesia, fracture meeting",
        "theatre list, neurovascular checks",
        "mobilise as tolerated, fracture clinic",
    ),
    "elective_medical": ("procedure as planned", "continue planned treatment", "treatment and observation as planned"),
    "renal_colic": ("analgesia, CT urinary tract", "fluids, sieve urine", "urology plan, analgesia"),
    "gynaecology": ("ultrasound, analgesia", "gynaecology review, analgesia", "continue treatment, follow-up clinic"),
    "child_respiratory": (
        "suction and feeding support",
        "continue support, feeding chart",
        "minimal handling, feeding review",
    ),
    "child_infection": (
        "fluids, antipyretics, review",
        "encourage fluids, watch intake",
        "swabs sent, safety advice to parents",
    ),
    "child_injury": (
        "analgesia, X-ray, orthopaedic opinion",
        "splint and analgesia",
        "observation, safety advice to parents",
    ),
}
# The test that staff quote first, and another.
FOCUS = {
    "aki": ("creatinine", "potassium"), "gi_bleed": ("haemoglobin", "urea"), "dka": ("glucose", "potassium"),
    "acute_mi": ("troponin_t_hs", "haemoglobin"), "chest_pain": ("troponin_t_hs", "haemoglobin"),
    "heart_failure": ("creatinine", "sodium"), "arrhythmia": ("potassium", "troponin_t_hs"),
    "hip_fracture": ("haemoglobin", "sodium"), "postop_elective": ("haemoglobin", "crp"),
    "overdose": ("alt", "inr"), "stroke": ("glucose", "sodium"), "seizure": ("sodium", "lactate"),
    "biliary": ("bilirubin", "crp"), "syncope_collapse": ("haemoglobin", "sodium"),
    "renal_colic": ("creatinine", "wcc"), "frailty_fall": ("sodium", "crp"),
    "delirium": ("sodium", "crp"), "sepsis": ("lactate", "crp"),
}  # fmt: skip
USUAL_FOCUS = ("crp", "wcc")
TEST_WORDS = {
    "creatinine": "creatinine", "potassium": "potassium", "haemoglobin": "Hb", "urea": "urea", "glucose": "glucose",
    "troponin_t_hs": "troponin T", "sodium": "sodium", "crp": "CRP", "alt": "ALT", "inr": "INR", "lactate": "lactate",
    "bilirubin": "bilirubin", "wcc": "WCC",
}  # fmt: skip
CONSCIOUSNESS_WORDS = ("alert", "newly confused", "responding to voice", "responding to pain only", "unresponsive")
BLOOD_LEADS = ("Latest", "Bloods:", "Last")
# Names of heart rate, blood pressure, respiratory rate, saturation and temperature.
OBSERVED = (
    ("HR ", ", BP ", ", RR ", ", SpO₂ ", ", T "),
    ("Pulse ", ", blood pressure ", ", resps ", ", SpO₂ ", ", temp "),
    ("Heart rate ", ", BP ", ", RR ", ", sats ", ", temperature "),
)
OXYGEN = ("", " Oxygen to a target of 94 to 98 %.", " Oxygen to a target of 88 to 92 %.")
OPENINGS = {
    "clerking": ("Seen on admission. ", "Clerking. ", "Admission note. ", "Seen with the admitting nurse. "),
    "ward_round": ("Ward round. ", "Seen on the ward round. ", "Morning round. ", "Reviewed with the team. "),
    "nursing": ("Nursing note. ", "Care given as planned. ", "Handover taken. ", "Seen on rounding. "),
}
# For adults who are well, who are ill, for those who are not alert, and for children.
NURSING = (
    (
        " Call bell within reach, safety checks done.",
        " Mouth care and repositioning offered, skin intact.",
        " Fluid chart kept up to date.",
        " Medicines given as charted.",
        " Washed and dressed with assistance as needed, bed area tidy.",
        " Family updated by telephone.",
    ),
    (
        " Medical team aware, observations increased.",
        " Escalated to the nurse in charge, close observation.",
        " Doctor informed, fluid balance started.",
        " Nurse in charge aware, plan checked with the doctors.",
        " Kept under close observation, family informed.",
        " Moved nearer to the nursing station.",
    ),
    (
        " Safety checks in place, bed at its lowest.",
        " Nursed in an observed bay, airway position checked.",
        " Doctor aware, observed closely.",
        " Close observation, mouth care and repositioning given.",
        " Family at the bedside, observed closely.",
        " Pressure areas checked, nursed in an observed bay.",
    ),
    (
        " Parent at the bedside, feeds and fluids charted.",
        " Family updated, safety checks done.",
        " Medicines given as charted, parent present.",
        " With a parent, cot or bed sides up.",
        " Fluid chart kept, parents updated.",
        " Play specialist seen, family present.",
    ),
)
# When the early warning score fell, stayed, rose; and where nothing can be said.
TRENDS = (
    ("Better than yesterday. ", "Improving. ", "Observations better than a day ago. "),
    ("Much the same as yesterday. ", "No great change. ", "Observations steady. "),
    ("Less well than yesterday. ", "Deteriorating. ", "Observations worse than a day ago. "),
    ("", "", ""),
)
SEVERITY_WORDS = (
    ("Comfortable at rest.", "Looks well."),
    ("Stable at present.", "Stable, for monitoring."),
    ("Unwell, for close observation.", "Moderately unwell."),
    ("Severely unwell, senior review asked for.", "Very unwell, discussed with the registrar."),
    ("Critically ill, critical care involved.", "Life-threatening illness, critical care at the bedside."),
)
CALLS = ("Review asked for by the ward: ", "Outreach call: ")
FINDINGS = (
    "fast breathing. ",
    "slow breathing. ",
    "low saturation. ",
    "saturation above target. ",
    "low blood pressure. ",
    "very high blood pressure. ",
    "fast pulse. ",
    "slow pulse. ",
    "fever. ",
    "low temperature. ",
    "reduced alertness. ",
    "need for oxygen. ",
)
REVIEW_PLANS = (
    " Bloods and gas as needed, repeat observations within the hour.",
    " Sepsis considered, fluids reviewed, senior informed.",
    " ECG and chest X-ray asked for, escalation plan discussed.",
    " Treatment optimised, for review again in one hour.",
)
DESTINATIONS = (" Discharged home. ", " Discharged to a care home. ", " Transferred to another hospital. ", "")
FOLLOW_UPS = (
    "GP to review in two weeks.",
    "Follow-up in clinic in six weeks.",
    "No hospital follow-up planned.",
    "Medicines reconciled, advice sheet given.",
)
DEATHS = (
    "No response, no breathing and no pulse over five minutes, pupils fixed.",
    "No heart sounds and no breathing over five minutes, no response to pain.",
    "No signs of life over five minutes of observation.",
)
DEATH_ENDINGS = (
    "Family informed. Medical examiner to be contacted.",
    "Next of kin told by telephone. Certificate to follow.",
    "Family present. Bereavement office informed.",
)
