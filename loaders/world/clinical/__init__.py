"""What is written down about patients in bed: why they came, vital signs, laboratory results and notes."""
